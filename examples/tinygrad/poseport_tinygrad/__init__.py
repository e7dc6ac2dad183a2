"""The manifest of tinygrad, read to list backends: it imports no framework."""

import os

from backends.base import SCRATCH, Backend

REQUIRES = ("tinygrad",)
PACKAGES = ("tinygrad",)
INSTALL = "pip install tinygrad, and clang, which its CPU device compiles with"


def load() -> Backend:
    """Make the backend; compiled kernels go with the process."""
    os.environ["DEV"] = "CPU"
    os.environ.setdefault("EMULATED_DTYPES", "bfloat16")  # clang 14 has none
    if scratch := os.environ.get(SCRATCH):
        os.environ.setdefault("CACHEDB", os.path.join(scratch, "tinygrad.db"))
    from poseport_tinygrad.backend import TinygradBackend

    return TinygradBackend()

"""The manifest of tinygrad, read to list backends: it imports no framework."""

import os

from backends.base import SCRATCH

REQUIRES = ("tinygrad",)
PACKAGES = ("tinygrad",)
INSTALL = "pip install tinygrad, and clang, which its CPU device compiles with"


def load():
    """Make the backend, in one process; compiled kernels go with it."""
    # clang 14 has no bfloat16
    os.environ |= {"DEV": "CPU", "EMULATED_DTYPES": "bfloat16", "PARALLEL": "0"}
    os.environ["NUM_CPU_THREADS"] = os.environ.get("OMP_NUM_THREADS", "1")
    if scratch := os.environ.get(SCRATCH):
        os.environ.setdefault("CACHEDB", os.path.join(scratch, "tinygrad.db"))
    from poseport_tinygrad.backend import TinygradBackend

    return TinygradBackend()

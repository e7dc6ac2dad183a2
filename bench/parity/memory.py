"""Memory between rungs: at published sizes each takes gigabytes, and the next one needs them."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return freed memory to the system, where the C library can.

    Arrays of many sizes leave holes between what is kept: 3.6 GB after the gradients of
    motionbert, of which nothing was in use.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        # not every C library has it
        if trim is not None:
            trim(0)

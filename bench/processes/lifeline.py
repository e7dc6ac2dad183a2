"""A child that ends with its parent, and takes what it has started along, however it ended.

Nobody is left to hear its answer: Linux kills it, busy, stopped or swapped out as it may be.
Elsewhere it ends when it next speaks.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress

PARENT = "POSEPORT_PARENT"  # environment variable: the process that a child ends with
PR_SET_PDEATHSIG = 1  # as <linux/prctl.h> has it


def environment() -> dict[str, str]:
    """What a child is given, so that it knows its parent."""
    return {PARENT: str(os.getpid())}


def follow() -> None:
    """End with the parent from now on; a child calls it first of all.

    To Linux the parent is the thread that started the child, which must live as long.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = os.environ.get(PARENT)
    # while Python started nobody was watching yet
    if parent is not None and int(parent) != os.getppid():
        sys.exit(f"process {parent}, which started this one, has ended")


def bury(leader: int) -> None:
    """End what a child has started as soon as the child has ended, however that was.

    It leads a session of its own. What it started may hold its pipe, at which the parent would
    wait for ever.
    """

    def follow_it() -> None:
        # not reaped by this, but it may be by the parent, which waits for it, too
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, leader, os.WEXITED | os.WNOWAIT)
        # the number stays the group's while anybody of it lives
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)

    if hasattr(os, "waitid"):  # macOS has none
        threading.Thread(target=follow_it, daemon=True).start()

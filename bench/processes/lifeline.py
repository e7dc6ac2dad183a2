"""A child that ends with its parent, and takes what it has started along, however it ended.

Nobody is left to hear its answer: Linux kills it, busy, stopped or swapped out as it may be.
Elsewhere it ends when it next speaks.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from backends import kin

PARENT = "POSEPORT_PARENT"  # environment variable: the process that a child ends with
PR_SET_PDEATHSIG = 1  # as <linux/prctl.h> has it
# One thread, which lives as long as this process: see `follow`.
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="starter")


def environment() -> dict[str, str]:
    """What a child is given, so that it knows its parent, and it and its kin are known."""
    return {PARENT: str(os.getpid()), **kin.environment()}


def started(command: list[str], **options: Any) -> subprocess.Popen[str]:
    """A child that may outlive the thread that asks for it: a worker serves several."""
    make = partial(subprocess.Popen, command, text=True, **options)
    return _STARTER.submit(make).result()


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


def bury(leader: int, environment: Mapping[str, str]) -> threading.Thread:
    """End what a child has started as soon as the child has ended, however that was.

    It leads a session of its own, and has the `environment` of above. What it started may hold
    its pipe, at which the parent would wait for ever. Who waits for the child waits for the
    thread, too, before the parent may end.
    """

    def follow_it() -> None:
        if not hasattr(os, "waitid"):  # macOS
            return
        # not reaped by this, but it may be by the parent, which waits for it, too
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, leader, os.WEXITED | os.WNOWAIT)
        # the number stays the group's while anybody of it lives
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        # and what has left the session
        kin.end(environment)

    burial = threading.Thread(target=follow_it, daemon=True)
    burial.start()
    return burial

"""A process with all that it starts, in whatever session and whoever is its parent by now.

It is told apart by a mark in its environment, which it hands on. Linux alone shows those of others.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress

MARK = "POSEPORT_KIN"  # environment variable
PASSES, PAUSE = 50, 0.01  # looks for what was started while others were killed; seconds


def environment() -> dict[str, str]:
    """A mark for a process that is to be started; it stands behind that of this one."""
    return {MARK: f"{os.environ.get(MARK, '')}/{os.urandom(8).hex()}"}


def end(environment: Mapping[str, str]) -> bool:
    """Kill all that has the mark of an environment; whether there was any."""
    mark = f"{MARK}={environment[MARK]}".encode()
    met = False
    for _ in range(PASSES):
        found = list(_having(mark))
        if not found:
            break
        met = True
        for number in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        time.sleep(PAUSE)
    return met


def _having(mark: bytes) -> Iterator[int]:
    with suppress(FileNotFoundError):  # no Linux
        for name in os.listdir("/proc"):
            # gone meanwhile, or somebody else's
            with suppress(OSError, ValueError):
                number = int(name)
                with open(f"/proc/{number}/environ", "rb") as file:
                    if mark in file.read():
                        yield number

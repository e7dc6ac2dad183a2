"""Which call of a backend a process is at: one that ends itself in a call cannot say so any more.

The parent opens a file without a name, and the child keeps the call's name in it: it is mapped,
so keeping is a copy in memory, and the parent can read it when the child is dead.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

KEPT = "POSEPORT_CALL"  # environment variable: the number of the open file
LENGTH = 128  # bytes of a name, filled up with zeros
NONE = bytes(LENGTH)


class Kept:
    """The parent's side: the call that a child was at."""

    def __init__(self) -> None:
        # without a name nobody removes it, and none is left however the parent ends
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # see close
        self._file.truncate(LENGTH)

    @property
    def number(self) -> int:
        """Of the open file, which the child is to be given open."""
        return self._file.fileno()

    def environment(self) -> dict[str, str]:
        """What the child is given, so that it finds the file."""
        return {KEPT: str(self.number)}

    def name(self) -> str:
        """The call that was begun and has not come back; empty where there is none."""
        held = os.pread(self.number, LENGTH, 0)
        return held.rstrip(b"\0").decode(errors="replace")

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class _Page:
    """The child's side: where the name is kept, in memory of its own until there is a parent."""

    def __init__(self) -> None:
        self.held: mmap.mmap | bytearray = bytearray(LENGTH)
        self.now = NONE


_page = _Page()


def follow() -> None:
    """Keep the calls for the parent from now on; a child asks for it first of all."""
    number = os.environ.pop(KEPT, None)
    if number is None:  # run by hand
        return
    _page.held = mmap.mmap(int(number), LENGTH)
    # the map stays; what the backend starts or closes has nothing to do with it
    os.close(int(number))


def begin(name: str) -> bytes:
    """A call begins; gives the one around it, for `end`."""
    before = _page.now
    _page.now = _page.held[:] = _written(name)
    return before


def end(before: bytes) -> None:
    """The call has come back, or raised."""
    _page.now = _page.held[:] = before


def stay() -> None:
    """What is kept stays as it is: this process is told to end, and unwinds."""
    _page.held = bytearray(LENGTH)


@lru_cache(1000)  # a few dozen names, at each call
def _written(name: str) -> bytes:
    # a letter of several bytes may be cut at the end: it is read all the same
    return name.encode(errors="replace")[:LENGTH].ljust(LENGTH, b"\0")


@contextmanager
def at(name: str) -> Iterator[None]:
    """While something is called that is not watched."""
    before = begin(name)
    try:
        yield
    finally:
        end(before)


def of(owner: Any, method: str) -> str:
    """A method of the contract, as a person looks for it."""
    return f"{type(owner).__name__}.{method}"

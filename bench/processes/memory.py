"""What says that memory has run out: an error's class and words, and the kernel's own count.

Frameworks have a class each for it, and some none. They are known by what they say, so that
nothing here asks which of them is running.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

LOWER = "lower the batch or the model's sizes"
READ = 20_000  # characters: some errors carry the whole graph, and say why at its end
# in small letters, as allocators of the host and of devices say it
WORDS = (
    "out of memory",
    "out_of_memory",
    "not enough memory",
    "allocate memory",
    "memory allocation of",
    "resource_exhausted",
    "resourceexhausted",
    "oom when allocating",
    "bad_alloc",
    "bad allocation",
    "status_alloc_failed",
    "memoryerror",
)
# Linux counts here, since it started, whom it has killed for want of memory
COUNTS = Path("/proc/vmstat")
BOUND = "POSEPORT_MEMORY"  # environment variable: bytes that a child may ask for


class OutOfMemory(MemoryError):
    """A backend had no memory for what it was asked; the text names the method."""


def ran_out(error: BaseException) -> bool:
    """Whether an error, or one that it was made of, says that memory has run out."""
    cause: BaseException | None = error
    seen: set[int] = set()  # an error may be its own cause
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, MemoryError) or told(_text(cause)):
            return True
        seen.add(id(cause))
        cause = cause.__cause__
    return False


def told(text: str) -> bool:
    """Whether words of a framework, an allocator or the C library say so."""
    beginning, end = text[:READ], text[-READ:]
    said = f"{beginning} {end}".lower()
    return any(words in said for words in WORDS)


def bound(most: int | None) -> dict[str, str]:
    """What a child is given, so that it asks for no more bytes than these."""
    return {} if most is None else {BOUND: str(most)}


def hold() -> None:
    """Keep to the bound that the parent has given; a child calls it before it computes.

    Of what a process may write (`RLIMIT_DATA`): frameworks reserve addresses by the terabyte,
    which cost nothing. What is asked for beyond is refused, and the framework says so.
    """
    if said := os.environ.get(BOUND):
        most = int(said)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def kills() -> int | None:
    """How often the kernel has killed a process for want of memory; None where it does not say."""
    try:
        lines = COUNTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, count = line.partition(" ")
        if name == "oom_kill":
            return int(count)
    return None


def _text(error: BaseException) -> str:
    """The class and what it says, if it can be had."""
    try:
        return f"{type(error).__name__}: {error}"
    except (Exception, SystemExit, KeyboardInterrupt):  # a program of the backend's too
        return type(error).__name__

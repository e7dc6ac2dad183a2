"""Single calls that a program cannot have prepared for, beside one of those that are timed.

Answers that are kept by their inputs cost nothing a second time: so inputs are asked that were
never there before. Work that is put off is done where its result is read: so results are read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.speed.timing import Clock

CALLS = 5  # of each kind; the quickest counts, for a host may be busy for a moment


@dataclass(frozen=True)
class Asked:
    """Seconds of the quickest of some calls, each waited for."""

    known: float = 0.0  # with the inputs that are timed
    fresh: float = 0.0  # with inputs that were never there before
    read: float = 0.0  # the same, and its results read as arrays
    bytes: int = 0  # of those


def ask(
    call: Callable[[Any], Any],
    wait: Callable[[], None],
    read: Callable[[Any], int],
    known: Any,
    fresh: Callable[[], Any],
    clock: Clock,
) -> Asked:
    """Put all three questions. `read` gives how many bytes there were to be read."""

    def took(feeds: Any, *, reading: bool) -> tuple[float, int]:
        start = clock()
        came = call(feeds)
        wait()
        size = read(came) if reading else 0
        return clock() - start, size

    took(known, reading=False)
    seconds = min(took(known, reading=False)[0] for _ in range(CALLS))
    new = min(took(fresh(), reading=False)[0] for _ in range(CALLS))
    whole, size = min(took(fresh(), reading=True) for _ in range(CALLS))
    return Asked(known=seconds, fresh=new, read=whole, bytes=size)

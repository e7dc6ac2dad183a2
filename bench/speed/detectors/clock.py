"""A timer that runs at another speed than the system's clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.speed.evidence import Evidence

Ticks = Callable[[], float]  # seconds

AFTER = ("caching",)
VOIDS = "lie"
SPEED = (0.8, 1.25)  # of the timer against the system's clock that passes
NAP = 0.02  # seconds over which both are read: long against a reading, short against a run


def found(evidence: Evidence) -> str:
    """Where the two clocks disagree."""
    slowest, fastest = SPEED
    if slowest < evidence.clocks < fastest:
        return ""
    ratio = evidence.clocks
    return f"the timer runs at {ratio:.2f} times the speed of the system's clock"


def speed(clock: Ticks, independent: Ticks = time.monotonic) -> float:
    """How fast `clock` runs against another one over a short sleep.

    The middle of three, as a busy host may stop us between readings.
    """
    ratios = []
    for _ in range(3):
        start, reference = clock(), independent()
        time.sleep(NAP)
        ratios.append((clock() - start) / (independent() - reference))
    return sorted(ratios)[1]

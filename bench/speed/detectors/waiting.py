"""Work that is not waited for: its time does not grow with it."""

from __future__ import annotations

from bench.speed.evidence import Evidence

VOIDS = "lie"
GROWS = 1.2  # twice the work takes at least this many times as long


def found(evidence: Evidence) -> str:
    """Where twice the work takes hardly longer than once."""
    single, double = evidence.single, evidence.double
    if not suspicious(single, double):
        return ""
    return (
        f"time does not grow with work: once took {single:.3g} s, twice {double:.3g} s"
    )


def suspicious(single: float, double: float) -> bool:
    """Whether twice the work takes hardly longer than once."""
    return single <= 0 or double < GROWS * single

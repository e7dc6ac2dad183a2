"""Work that is not waited for: its time does not grow with it."""

from __future__ import annotations

from bench.speed.evidence import Evidence

VOIDS = "lie"
GROWS = 1.2  # twice the work takes at least this many times as long
LATER = 3.0  # times a call, from which on reading its results is no reading
READ = 2e9  # bytes a second that any result can be read at


def found(evidence: Evidence) -> str:
    """Where twice the work takes hardly longer than once, or reading longer than all of it."""
    single, double = evidence.single, evidence.double
    if suspicious(single, double):
        return f"time does not grow with work: once took {single:.3g} s, twice {double:.3g} s"
    asked = evidence.asked
    if asked.read <= LATER * asked.fresh + asked.bytes / READ:
        return ""
    return (
        f"a call takes {asked.fresh:.3g} s, and {asked.read:.3g} s when its results are read: the"
        " work is done later"
    )


def suspicious(single: float, double: float) -> bool:
    """Whether twice the work takes hardly longer than once."""
    return single <= 0 or double < GROWS * single

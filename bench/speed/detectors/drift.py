"""A host whose speed changes while samples are taken: heat, a clock that falls, other work."""

from __future__ import annotations

from bench.speed.evidence import Evidence

AFTER = ("device",)
VOIDS = "doubt"
LIMIT = 0.1  # as the floor of a host on which nothing can be told (reports/verdict)
FLOORS = 3.0  # times the A/A floor, which is of the same samples


def found(evidence: Evidence) -> str:
    """Where the last third of the rounds is apart from the first, and the fixed work with it."""
    drift, fixed = evidence.drift, evidence.calibration_drift
    if drift is None or abs(drift) <= max(LIMIT, FLOORS * evidence.floor):
        return ""
    host = "" if fixed is None else f" (a fixed piece of work: {fixed:+.0%})"
    return (
        f"the last third of the rounds is {drift:+.0%} off the first{host}: it drifts"
    )

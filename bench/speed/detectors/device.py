"""Results of timed calls that lie on another device than the one asked for."""

from __future__ import annotations

from bench.speed.evidence import Evidence

AFTER = ("precision",)
VOIDS = "lie"


def found(evidence: Evidence) -> str:
    """Where a framework says that its results lie elsewhere."""
    stray = sorted(evidence.devices - {evidence.asked_device, ""})
    if not stray:
        return ""
    where = " and ".join(stray)
    return f"{evidence.asked_device} was asked for, and results of timed calls lie on {where}"

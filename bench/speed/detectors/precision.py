"""Another precision than the one asked for."""

from __future__ import annotations

from bench.speed.evidence import Evidence

AFTER = ("outputs",)
VOIDS = "lie"


def found(evidence: Evidence) -> str:
    """Where the error of the timed calls is that of another precision."""
    held = evidence.held
    if not held.like:
        return ""
    return (
        f"{evidence.asked_precision} was asked for, and outputs of the timed calls err by as"
        f" much as {held.like} does ({held.error:.3g} of their size)"
    )

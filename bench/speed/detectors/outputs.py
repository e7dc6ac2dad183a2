"""Timed calls that compute something else than the model."""

from __future__ import annotations

from bench.speed.evidence import Evidence

AFTER = ("clock",)
VOIDS = "lie"


def found(evidence: Evidence) -> str:
    """Where what timed calls gave is too far from the NumPy reference."""
    held = evidence.held
    if held.like or held.error is None or held.bound is None:
        return ""  # another precision is for the next detector to say
    # `not <=`: an error that is no number keeps to no bound
    if held.error <= held.bound:
        return ""
    return (
        f"outputs of the timed calls are off by {held.error:.3g} of their size from the NumPy"
        f" reference, where {held.bound:.3g} is the budget"
    )

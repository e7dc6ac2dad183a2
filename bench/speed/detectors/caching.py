"""Answers that are kept, or work that is skipped: new inputs change nothing."""

from __future__ import annotations

from bench.speed.evidence import Evidence

AFTER = ("waiting",)
VOIDS = "lie"
# times a call with inputs that are known, from which on those of others are not what was timed: the
# first look at new memory makes a small call half as long again
KEPT = 3.0


def found(evidence: Evidence) -> str:
    """Where the outputs do not follow the inputs, or the weights the steps."""
    if not evidence.changed:
        return (
            "changed inputs did not change the outputs: something is cached or skipped"
        )
    known, fresh = evidence.asked.known, evidence.asked.fresh
    if fresh <= KEPT * known:
        return ""
    return (
        f"inputs that were there before take {known:.3g} s, and new ones {fresh:.3g} s: answers"
        " are kept"
    )

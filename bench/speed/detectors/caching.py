"""Answers that are kept, or work that is skipped: new inputs change nothing."""

from __future__ import annotations

from bench.speed.evidence import Evidence

AFTER = ("waiting",)
VOIDS = "lie"


def found(evidence: Evidence) -> str:
    """Where the outputs do not follow the inputs, or the weights the steps."""
    if evidence.changed:
        return ""
    return "changed inputs did not change the outputs: something is cached or skipped"

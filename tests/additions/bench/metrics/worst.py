"""The error of the worst joint of each pose."""

from __future__ import annotations

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "WORST"
UNIT = "mm"
BETTER = "lower"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N,) mm."""
    return distances(pred, true).max(axis=1)

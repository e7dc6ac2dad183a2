"""MPVPE: the mean distance between predicted and true mesh vertices.

Both relative to the root (Choi et al. 2020).
"""

from __future__ import annotations

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "MPVPE"
UNIT = "mm"
BETTER = "lower"
NEEDS = "vertices"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N,) millimetres."""
    assert facts.vertices is not None  # what a metric needs is there when it is called
    return distances(*facts.vertices).mean(axis=1)

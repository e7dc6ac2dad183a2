"""MRPE: the mean distance between predicted and true root in the camera frame (Moon et al.
2019); all other metrics leave it out.
"""

from __future__ import annotations

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME, UNIT, BETTER = "MRPE", "mm", "lower"
NEEDS = "roots"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N,) millimetres."""
    assert facts.roots is not None  # what a metric needs is there when it is called
    return distances(*(root[:, None] for root in facts.roots))[:, 0]

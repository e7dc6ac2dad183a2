"""MPJPE: the mean Euclidean distance between predicted and true joints.

Both relative to the root (Ionescu et al. 2014).
"""

from __future__ import annotations

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "MPJPE"
UNIT = "mm"
BETTER = "lower"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J) millimetres."""
    return distances(pred, true)

"""PA-MPJPE without scale: MPJPE after the best rotation and shift alone, pose by pose.

As the Integral family of papers has it.
"""

from __future__ import annotations

from bench.metrics._facts import Array, Facts
from bench.metrics._procrustes import distances

NAME = "PA-MPJPE, no scale"
UNIT = "mm"
BETTER = "lower"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J) millimetres."""
    return distances(pred, true, scaled=False)

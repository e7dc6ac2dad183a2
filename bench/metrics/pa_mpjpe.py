"""PA-MPJPE: MPJPE after the similarity that brings the prediction nearest to the truth.

Rotation, scale and shift, pose by pose, rotation and scale of Umeyama (1991), as VideoPose3D's
`p_mpjpe` and most others have it; never a reflection.
"""

from __future__ import annotations

from bench.metrics._facts import Array, Facts
from bench.metrics._procrustes import distances

NAME = "PA-MPJPE"
UNIT = "mm"
BETTER = "lower"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J) millimetres."""
    return distances(pred, true)

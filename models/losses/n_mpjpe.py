"""MPJPE after each predicted frame is scaled to the target, scale = <target, pose> / <pose,
pose> (Rhodin et al., 2018).
"""

from __future__ import annotations

from models.losses.mpjpe import mpjpe
from models.value import Value


def n_mpjpe(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses; blind to the overall size of a pose."""
    scale = (target * pose).sum(axis=(2, 3), keepdims=True) / (pose * pose).sum(
        axis=(2, 3), keepdims=True
    )
    return mpjpe(scale * pose, target)

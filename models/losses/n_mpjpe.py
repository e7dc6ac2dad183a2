"""MPJPE after each predicted frame is scaled to the target (Rhodin et al., 2018).

scale = <target, pose> / <pose, pose>, the scale of least squares.
"""

from __future__ import annotations

from models.losses.mpjpe import mpjpe
from models.value import Value


def n_mpjpe(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses; blind to the overall size of a pose."""
    # over joints and coordinates: one scale for each frame
    product = (target * pose).sum(axis=(2, 3), keepdims=True)
    square = (pose * pose).sum(axis=(2, 3), keepdims=True)
    return mpjpe(product / square * pose, target)

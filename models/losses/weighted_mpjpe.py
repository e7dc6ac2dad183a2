"""MPJPE in which joints count differently: mean of weight[j] |pose[j] - target[j]|.

As `weighted_mpjpe` of VideoPose3D (Pavllo et al., CVPR 2019; common/loss.py), with a weight
for each joint as MixSTE trains with (Zhang et al., CVPR 2022). Weights are NOT normalised:
the sum is divided by the number of joints, not by that of the weights, so weights that are
twice as large make the loss twice as large.
"""

from __future__ import annotations

import numpy as np

from models.body import Body
from models.losses.mpjpe import mpjpe
from models.value import Value


def weighted_mpjpe(pose: Value, target: Value, *, body: Body) -> Value:
    """Scalar, in the unit of the poses times that of the weights; MPJPE where none are given."""
    if body.weights is None:
        return mpjpe(pose, target)
    return weighted(
        pose, target, pose.graph.constant("body.weights", np.array(body.weights))
    )


def weighted(pose: Value, target: Value, weights: Value) -> Value:
    """The same of weights (joints,) that a model has of its own."""
    distance = (pose - target).vector_norm(axis=-1)  # (batch, frames, joints)
    return (distance * weights).mean(axis=(0, 1, 2), keepdims=False)

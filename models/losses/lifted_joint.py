"""Mean absolute difference of coordinates of the pose: Pose2Mesh's loss of lifted joints.

Choi et al. (ECCV 2020) weigh it by 1e-3 in millimetres, which is 1 in metres.
"""

from __future__ import annotations

from models.value import Value


def lifted_joint(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses."""
    return (pose - target).abs().mean(axis=(0, 1, 2, 3), keepdims=False)

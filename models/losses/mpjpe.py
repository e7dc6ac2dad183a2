"""Mean per-joint position error (Ionescu et al., 2014).

The mean of the Euclidean distance over batch, frames and joints.
"""

from __future__ import annotations

from models.value import Value


def mpjpe(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses."""
    return (pose - target).vector_norm(axis=-1).mean(axis=(0, 1, 2), keepdims=False)

"""Mean squared error over batch, frames, joints and coordinates (Martinez et al., 2017)."""

from __future__ import annotations

from models.value import Value


def mse(pose: Value, target: Value) -> Value:
    """Scalar, in the squared unit of the poses."""
    difference = pose - target
    return (difference * difference).mean(axis=(0, 1, 2, 3), keepdims=False)

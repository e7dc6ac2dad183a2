"""Mean absolute difference of coordinates."""

from __future__ import annotations

from models.value import Value


def absolute(pose: Value, target: Value) -> Value:
    """Scalar, in the unit of the poses."""
    return (pose - target).abs().mean(axis=(0, 1, 2, 3), keepdims=False)

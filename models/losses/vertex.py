"""Mean absolute difference of vertices: Pose2Mesh's vertex loss (Choi et al., ECCV 2020)."""

from __future__ import annotations

from models.value import Value


def vertex(vertices: Value, surface: Value) -> Value:
    """Scalar, metres: mean over batch, vertices and coordinates."""
    return (vertices - surface).abs().mean(axis=(0, 1, 2), keepdims=False)

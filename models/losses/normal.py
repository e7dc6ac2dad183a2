"""How far edges are from square to the true faces: Pose2Mesh's normal loss (Choi et al., 2020).

Mean over batch, faces and the three sides of each of |cos|, of the angle between the side as it is
made and the normal of the true face.
"""

from __future__ import annotations

from models.body import Body
from models.losses import _surface
from models.surface import mesh_of
from models.value import Value

LEAST = 1e-12  # lengths that directions are divided by, as PyTorch's `normalize`


def normal(
    vertices: Value,
    surface: Value,
    body: Body,
) -> Value:
    """Scalar from 0 to 1. Raises BadInput for a body without a mesh."""
    mesh = mesh_of(body, "loss normal")
    made = _unit(_surface.sides(vertices, mesh))  # (b, 3 f, 3)
    first, second, _ = _surface.sides(surface, mesh).split(3, axis=1)
    square = _unit(_cross(_unit(first), _unit(second)))  # (b, f, 3)
    normals = square.concat(square, square, axis=1)
    cosine = (made * normals).sum(axis=-1, keepdims=False)
    return cosine.abs().mean(axis=(0, 1), keepdims=False)


def _unit(vectors: Value) -> Value:
    length = vectors.vector_norm(axis=-1).expand_dims(axis=-1)
    return vectors / length.maximum(LEAST)


def _cross(one: Value, other: Value) -> Value:
    # (y, z, x) times (z, x, y), less the same the other way round
    forward = one.roll(shift=-1, axis=-1) * other.roll(shift=-2, axis=-1)
    return forward - one.roll(shift=-2, axis=-1) * other.roll(shift=-1, axis=-1)

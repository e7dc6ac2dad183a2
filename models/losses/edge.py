"""Mean absolute difference of edge lengths: Pose2Mesh's edge loss (Choi et al., ECCV 2020).

Over batch, faces and the three sides of each: a side that two faces share counts twice.
"""

from __future__ import annotations

from models.body import Body
from models.losses import _surface
from models.surface import mesh_of
from models.value import Value


def edge(
    vertices: Value,
    surface: Value,
    body: Body,
) -> Value:
    """Scalar, metres. Raises BadInput for a body without a mesh."""
    mesh = mesh_of(body, "loss edge")
    own, true = _surface.sides(vertices, mesh), _surface.sides(surface, mesh)
    difference = own.vector_norm(axis=-1) - true.vector_norm(axis=-1)
    return difference.abs().mean(axis=(0, 1), keepdims=False)

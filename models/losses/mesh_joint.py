"""Mean absolute difference of joints that are regressed from the surface (Choi et al., 2020).

Pose2Mesh weighs it by 1e-3 in millimetres, which is 1 in metres.
"""

from __future__ import annotations

from models.body import Body
from models.surface import joints_of, mesh_of
from models.value import Value


def mesh_joint(
    vertices: Value,
    target: Value,
    body: Body,
) -> Value:
    """Scalar, metres; target of one frame. Raises BadInput for a body without a mesh."""
    joints = joints_of(vertices, mesh_of(body, "loss mesh_joint"))
    true = target.rearrange("b f j c -> b (f j) c", f=1)
    return (joints - true).abs().mean(axis=(0, 1, 2), keepdims=False)

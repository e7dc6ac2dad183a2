"""A body's surface in a graph: the mesh that a model or a loss asks for, and its joints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.body import H36M_17, Body
from models.errors import BadInput
from models.human import human
from models.mesh import Mesh
from models.value import Value


def mesh_of(body: Body | None, who: str, joints: int | None = None) -> Mesh:
    """The mesh of a body, of so many joints where they are given.

    Raises BadInput, in the name of who asks, where it has none, or has other joints.
    """
    if body and body.mesh and joints in (None, len(body.joints)):
        return body.mesh
    of = f" of {joints} joints" if joints else ""
    raise BadInput(
        f"{who}: a body{of} that has a mesh was due; build the model with"
        " body=models.Body(joints=..., bones=..., mesh=models.human.human())"
    )


def joints_of(vertices: Value, mesh: Mesh) -> Value:
    """Joints (b, j, 3) of vertices (b, v, 3)."""
    return vertices.graph.constant("mesh.regressor", mesh.regressor) @ vertices


def built_in(size: Any) -> Body:
    """The body of a model that is built for no data, at the `detail` of its sizes."""
    return replace(H36M_17, mesh=human(size.detail))

"""What losses of a mesh share: sides of faces, and joints that a surface has."""

from __future__ import annotations

import numpy as np

from models.body import Body
from models.errors import BadInput
from models.mesh import Mesh
from models.value import Value


def mesh_of(body: Body, loss: str) -> Mesh:
    """The body's mesh. Raises BadInput where it has none."""
    if body.mesh is None:
        raise BadInput(
            f"loss {loss}: the body has no mesh; build the model with"
            " body=models.Body(..., mesh=models.human.human())"
        )
    return body.mesh


def sides(vertices: Value, mesh: Mesh) -> Value:
    """(b, 3 f, 3): first to second corner of all faces, first to third, second to third."""
    first, second, third = mesh.faces.T
    starts = np.concatenate([first, first, second])
    ends = np.concatenate([second, third, third])
    # asked for by surface and truth, and by several losses: one table for one name
    begin = vertices.graph.constant("mesh.starts", starts)
    end = vertices.graph.constant("mesh.ends", ends)
    return vertices.take(end, axis=1) - vertices.take(begin, axis=1)


def regressed(vertices: Value, mesh: Mesh) -> Value:
    """(b, j, 3): the joints of a surface."""
    rows = vertices.graph.constant("mesh.regressor", mesh.regressor)
    return rows @ vertices

"""What losses of a mesh share: the sides of its faces."""

from __future__ import annotations

import numpy as np

from models.mesh import Mesh
from models.value import Value


def sides(vertices: Value, mesh: Mesh) -> Value:
    """(b, 3 f, 3): first to second corner of all faces, first to third, second to third."""
    first, second, third = mesh.faces.T
    starts = np.concatenate([first, first, second])
    ends = np.concatenate([second, third, third])
    # asked for by surface and truth, and by several losses: one table for one name
    begin = vertices.graph.constant("mesh.starts", starts)
    end = vertices.graph.constant("mesh.ends", ends)
    return vertices.take(end, axis=1) - vertices.take(begin, axis=1)

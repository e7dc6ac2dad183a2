"""Tables of a mesh network at the published size, for a surface that stands in for SMPL's.

A sphere of as many vertices, faces and edges: sparse products cost by their entries, and do not
ask what the surface looks like.
"""

from __future__ import annotations

import numpy as np

from models import coarsening, sparse
from models.body import H36M_17
from models.sparse import Matrix

RINGS, AROUND = 84, 82
VERTICES = RINGS * AROUND + 2  # 6890, with both poles
LEVELS, NODES = 8, 12288  # nodes halve seven times, to 96


def levels() -> dict[str, np.ndarray]:
    """`L_i` in coordinates, as golden files hold them, and the rows of real vertices."""
    made = coarsening.pyramid(_faces(), VERTICES, LEVELS, nodes=NODES)
    graphs = [
        coarsening.rescaled(graph, span)
        for graph, span in zip(made.laplacians, made.spans, strict=True)
    ]
    graphs.append(_joints())
    tables = {}
    for i, graph in enumerate(graphs):
        tables |= {f"L_{i}/{name}": array for name, array in _parts(graph).items()}
    # vertex `order[row]` stands in a row, and fakes come after all others
    real = np.argsort(made.orders[0], kind="stable")[:VERTICES]
    return {**tables, "real_rows": real.astype(np.int32)}


def _faces() -> np.ndarray:
    """Rings of squares, each cut in two, and a fan at either pole: (13776, 3)."""
    here = np.arange(RINGS * AROUND).reshape(RINGS, AROUND)
    beside = np.roll(here, -1, axis=1)
    corners = here[:-1], beside[:-1], beside[1:], here[1:]
    a, b, c, d = (corner.ravel() for corner in corners)
    north, south = (np.full(AROUND, VERTICES - 2 + pole) for pole in (0, 1))
    triangles = [
        (a, b, c),
        (a, c, d),
        (north, beside[0], here[0]),
        (south, here[-1], beside[-1]),
    ]
    return np.concatenate([np.stack(corners, axis=1) for corners in triangles])


def _joints() -> Matrix:
    """Bones and each joint itself; the authors do not rescale this one."""
    pairs = np.array(H36M_17.bones)
    return sparse.laplacian(sparse.of_pairs(pairs, 17, loops=True))


def _parts(graph: Matrix) -> dict[str, np.ndarray]:
    return {
        "row": graph.rows.astype(np.int32),
        "col": graph.columns.astype(np.int32),
        "val": graph.values.astype(np.float32),
        "size": np.array([graph.size, graph.size], np.int32),
    }

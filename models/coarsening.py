"""A mesh as graphs that halve: what convolutions over its vertices read at each level.

Heavy-edge matching (Dhillon et al. 2007) as in hongsukchoi/Pose2Mesh_RELEASE lib/coarsening.py
and lib/graph_utils.py: neighbours that weigh much against their degrees become one vertex, level
by level. Vertices are then put in an order in which the two halves of each stand side by side,
and where a half is missing a fake vertex without edges fills its place, so that going up a level
is to repeat each row. There vertices of equal weight are visited in an order that NumPy leaves
open; here they keep their order, which makes the levels the same everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.errors import BadInput
from models.sparse import (
    NOTHING,
    Matrix,
    laplacian,
    largest,
    of_pairs,
    plus_diagonal,
)

Array = np.ndarray


@dataclass(frozen=True)
class Pyramid:
    """A mesh and its coarser levels, finest first, fake vertices included.

    There are `levels` + 1 of `orders` and as many `adjacencies` and `laplacians` as levels.
    """

    parents: tuple[Array, ...]  # of each vertex of a level, its place in the next
    # vertices as they stand; numbers of fakes follow the others
    orders: tuple[Array, ...]
    adjacencies: tuple[Matrix, ...]
    laplacians: tuple[Matrix, ...]  # rescaled
    spans: tuple[float, ...]  # largest eigenvalues of the Laplacians before that

    @property
    def places(self) -> Array:
        """Where each vertex of the mesh stands in the finest level, then the fakes."""
        return np.argsort(self.orders[0])


def of_faces(faces: Array, vertices: int) -> Matrix:
    """The adjacency of a mesh of triangles (n, 3).

    Raises BadInput for a corner that is no vertex, and a vertex that is no corner.
    """
    lonely = np.setdiff1d(np.arange(vertices), faces)
    if lonely.size:
        raise BadInput(
            f"vertex {lonely[0]} of {vertices} is in no face; a mesh whose faces use all of its"
            " vertices was due"
        )
    around = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return of_pairs(around, vertices, loops=False)


def pyramid(
    faces: Array,
    vertices: int,
    levels: int,
    *,
    nodes: int = 0,
) -> Pyramid:
    """The mesh and coarser levels of it, `levels` in all; one more is matched and left out.

    Where `nodes` are given, fake vertices fill the finest level up to them. Raises BadInput for
    faces that are none of such a mesh, for no levels, and for nodes that are too few or do not
    halve so often.
    """
    if levels < 1:
        raise BadInput(f"{levels} levels of a mesh came; 1 or more were due")
    graphs = [of_faces(faces, vertices)]
    parents = []
    weights = graphs[0].row_sums - graphs[0].diagonal
    for _ in range(levels):
        parents.append(matched(graphs[-1], weights))
        graphs.append(graphs[-1].mapped(parents[-1], int(parents[-1].max()) + 1))
        weights = graphs[-1].row_sums
    orders = ordered(parents, nodes)
    placed = [_placed(*pair) for pair in zip(graphs[:-1], orders[:-1], strict=True)]
    spans = [_span(*pair) for pair in zip(graphs[:-1], orders[:-1], strict=True)]
    return Pyramid(
        parents=tuple(parents),
        orders=tuple(orders),
        adjacencies=tuple(placed),
        laplacians=tuple(map(rescaled, map(laplacian, placed), spans)),
        spans=tuple(spans),
    )


def _span(graph: Matrix, order: Array) -> float:
    """The largest eigenvalue of its Laplacian; of a fake vertex, alone as it is, that is 1."""
    own = largest(laplacian(graph))
    if len(order) > graph.size:
        return max(own, 1.0)
    # where nothing is joined, nothing is scaled
    return own if own > NOTHING else 1.0


def matched(graph: Matrix, weights: Array) -> Array:
    """The number of the pair, or of the single vertex, that each vertex goes into.

    Lightest vertices choose first, each the free neighbour that weighs most against the
    `weights` of both.
    """
    starts, counts = _rows(graph)
    own = graph.values[starts]
    pair = np.full(graph.size, -1)
    made = 0
    for vertex in np.argsort(graph.row_sums, kind="stable"):
        if pair[vertex] >= 0:
            continue
        pair[vertex] = made
        seen = slice(starts[vertex], starts[vertex] + counts[vertex])
        near = graph.columns[seen]
        share = 2.0 * graph.values[seen] + own[vertex] + own[near]
        share = share / (weights[vertex] + weights[near] + 1e-9)
        share[pair[near] >= 0] = 0.0
        # none of the last vertex, where that is a part of its own
        best = share.argmax() if share.size else None
        if best is not None and share[best] > 0:
            pair[near[best]] = made
        made += 1
    return pair


def _rows(graph: Matrix) -> tuple[Array, Array]:
    """Where the entries of each row start, and how many of them its vertex looks at."""
    counts = np.bincount(graph.rows, minlength=graph.size)
    starts = np.cumsum(counts) - counts
    # as the authors count: the first row looks into the second, the last not to its end
    counts[0] += 1
    counts[-1] -= 1
    return starts, counts


def ordered(parents: Sequence[Array], nodes: int = 0) -> list[Array]:
    """The order of the vertices of each level, finest first, and of the one behind the last.

    Both children of a vertex follow each other, fakes where it has fewer. Raises BadInput as
    `pyramid` does.
    """
    last, times = int(parents[-1].max()) + 1, 2 ** len(parents)
    if nodes and (nodes % times or nodes < last * times):
        raise BadInput(
            f"{nodes} nodes came for a mesh of {len(parents[0])} vertices; {last * times} or"
            f" more were due, a multiple of {times}"
        )
    orders = [np.arange(nodes // times or last)]
    for parent in reversed(parents):
        orders.append(_children(parent, orders[-1]))
    return orders[::-1]


def _children(parent: Array, order: Array) -> Array:
    """Two children of each vertex of the next level, in its order."""
    pairs = np.full((len(order), 2), -1)
    children = np.argsort(parent, kind="stable")
    above = parent[children]
    # the second of two stands behind the first
    second = np.r_[False, above[1:] == above[:-1]]
    pairs[above, second.astype(int)] = children
    found: Array = pairs[order].ravel()
    lacking = found < 0
    found[lacking] = len(parent) + np.arange(lacking.sum())
    return found


def _placed(graph: Matrix, order: Array) -> Matrix:
    """The graph with its vertices in an order that has fakes."""
    return graph.mapped(np.argsort(order), len(order))


def rescaled(graph: Matrix, span: float) -> Matrix:
    """L / (2 span) - I, as the authors do it: Chebyshev's would be 2 L / span - I."""
    halved = graph.values / (2 * span)
    return plus_diagonal(Matrix(graph.rows, graph.columns, halved, graph.size), -1.0)

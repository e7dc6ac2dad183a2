"""What golden files say of graphs: the levels of a mesh, and matrices by their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from models import coarsening, sparse
from models.golden import Array, Tables
from models.sparse import Matrix


def tables(config: Mapping[str, Any], arrays: Mapping[str, Array]) -> Tables:
    """Levels of a mesh, and the graph of the joints."""
    faces, levels = arrays["input/faces"], config["levels"]
    made = coarsening.pyramid(faces, int(faces.max()) + 1, levels)
    edges = np.concatenate([arrays["input/skeleton"], arrays["input/flip_pairs"]])
    joints = sparse.of_pairs(edges, config["joints"], loops=True)
    known = {"graph/perm_reverse": made.places, "graph64/lmax": np.array(made.spans)}
    for i, order in enumerate(made.orders):
        known[f"graph/perm_{i}"] = order
    for i, parents in enumerate(made.parents):
        known[f"graph/parent_{i}"] = parents
    for i, graph in enumerate([*made.adjacencies, joints]):
        known |= _coordinates(f"graph/adj_{i}", graph)
        known[f"graph/adj_{i}/val"] = graph.values
    for i, graph in enumerate([*made.laplacians, sparse.laplacian(joints)]):
        known |= _coordinates(f"graph/L_{i}", graph)
        known[f"graph/L_{i}/size"] = np.array([graph.size] * 2)
        known[f"graph64/L_{i}/val"] = graph.values
    return Tables(known)


def _coordinates(key: str, graph: Matrix) -> dict[str, Array]:
    return {f"{key}/row": graph.rows, f"{key}/col": graph.columns}


def graphs(arrays: Mapping[str, Array]) -> list[Matrix]:
    """The operators that a file brings, finest first, the joints' last."""
    found: list[Matrix] = []
    while f"const/L_{len(found)}/row" in arrays:
        found.append(graph(arrays, f"const/L_{len(found)}"))
    return found


def graph(
    arrays: Mapping[str, Array],
    key: str,
    *,
    size: int = 0,
) -> Matrix:
    """One matrix; its size where the file does not say it."""
    rows, columns = arrays[f"{key}/row"], arrays[f"{key}/col"]
    return Matrix(
        rows.astype(np.int64),
        columns.astype(np.int64),
        arrays[f"{key}/val"],
        size or int(arrays[f"{key}/size"][0]),
    )

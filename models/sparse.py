"""Square sparse matrices as plain arrays: adjacencies of graphs, their Laplacians, spectra.

Entries are sorted by row and then by column, each place once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import BadInput
from models.value import Value

Array = np.ndarray
# Krylov vectors: of a sphere of 4,098 vertices the largest eigenvalue is then right to 1e-14
KRYLOV = 300
NOTHING = 1e-10  # length of a vector that is rounding noise


@dataclass(frozen=True)
class Matrix:
    """(size, size), with `values` at (rows, columns) and 0 elsewhere."""

    rows: Array
    columns: Array
    values: Array  # float64
    size: int

    @property
    def row_sums(self) -> Array:
        """(size,)."""
        return np.bincount(self.rows, self.values, self.size)

    @property
    def diagonal(self) -> Array:
        """(size,)."""
        own = self.rows == self.columns
        return np.bincount(self.rows[own], self.values[own], self.size)

    def times(self, vector: Array) -> Array:
        """This matrix by a vector of (size,)."""
        terms = self.values * vector[self.columns]
        return np.bincount(self.rows, terms, self.size)

    def product(
        self,
        x: Value,
        name: str,
    ) -> Value:
        """This matrix by the second-last axis of x, in a graph that calls it so."""
        return x.sparse_matmul(
            rows=self.rows,
            columns=self.columns,
            values=self.values,
            length=self.size,
            name=name,
        )

    def mapped(
        self,
        places: Array,
        size: int,
    ) -> Matrix:
        """Entries at the places that rows and columns are sent to, of another size."""
        return matrix(places[self.rows], places[self.columns], self.values, size)


def matrix(
    rows: Array,
    columns: Array,
    values: Array,
    size: int,
) -> Matrix:
    """Entries in any order; those at one place are summed."""
    keys = rows.astype(np.int64) * size + columns
    places, which = np.unique(keys, return_inverse=True)
    summed = np.bincount(which, values, len(places))
    return Matrix(places // size, places % size, summed, size)


def of_pairs(
    pairs: Array,
    size: int,
    *,
    loops: bool,
) -> Matrix:
    """The adjacency of vertices joined in pairs (n, 2), each 1; with loops, of each with itself.

    Raises BadInput for a pair of other vertices.
    """
    stray = ((pairs < 0) | (pairs >= size)).any(axis=1)
    if stray.any():
        one, other = pairs[stray][0].tolist()
        raise BadInput(
            f"a graph of {size} vertices cannot have the edge ({one}, {other}); places from 0"
            f" to {size - 1} were due"
        )
    own = np.arange(size)[:, None].repeat(2, axis=1)
    both = np.concatenate([pairs, pairs[:, ::-1], *([own] if loops else [])])
    joined = matrix(both[:, 0], both[:, 1], np.ones(len(both)), size)
    # an edge that comes twice is one edge
    return Matrix(joined.rows, joined.columns, np.ones(len(joined.values)), size)


def laplacian(graph: Matrix) -> Matrix:
    """I - D^(-1/2) A D^(-1/2); a vertex without edges has 1 on the diagonal."""
    degrees = graph.row_sums
    # nothing is multiplied by what a degree of 0 becomes
    scale = np.where(degrees > 0, degrees, 1.0) ** -0.5
    off = -graph.values * scale[graph.rows] * scale[graph.columns]
    return plus_diagonal(Matrix(graph.rows, graph.columns, off, graph.size), 1.0)


def plus_diagonal(graph: Matrix, number: float) -> Matrix:
    """A number more on the whole diagonal."""
    own = np.arange(graph.size)
    return matrix(
        np.concatenate([graph.rows, own]),
        np.concatenate([graph.columns, own]),
        np.concatenate([graph.values, np.full(graph.size, number)]),
        graph.size,
    )


def largest(graph: Matrix) -> float:
    """The largest eigenvalue of a symmetric matrix, by Lanczos' method."""
    # any start will do that is no eigenvector, and the same one everywhere
    vector = np.cos(np.arange(graph.size) ** 2 + 1.0)
    basis = np.zeros((min(graph.size, KRYLOV), graph.size))
    images = np.zeros_like(basis)
    for step in range(len(basis)):
        known = basis[:step]
        # twice: once leaves rounding noise, which grows
        for _ in range(2):
            vector = vector - known.T @ (known @ vector)
        length = float(np.linalg.norm(vector))
        if length < NOTHING:
            break
        basis[step] = vector / length
        vector = images[step] = graph.times(basis[step])
    small = basis @ images.T
    # rows that were not reached are 0, and so are their eigenvalues: the largest is above that
    return float(np.linalg.eigvalsh((small + small.T) / 2)[-1])

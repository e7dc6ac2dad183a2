"""Lengths of vectors, the step that most metrics end with."""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array

# joints of a block: 5,294 poses of 17, which spreads the cost of a call and fits the shared cache
POINTS = 90_000


def lengths(vectors: Array) -> Array:
    """(N, J) of vectors (N, J, 3)."""
    # one pass without an array of squares in between, which np.linalg.norm would make
    square = np.einsum("njc,njc->nj", vectors, vectors)
    return np.sqrt(square, out=square)


def distances(pred: Array, true: Array) -> Array:
    """(N, J) millimetres between poses (N, J, 3)."""
    return lengths(pred - true)

"""Lengths of vectors, the step that most metrics end with."""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array


def lengths(vectors: Array) -> Array:
    """(N, J) of vectors (N, J, 3)."""
    # one pass without an array of squares in between, which np.linalg.norm would make
    square = np.einsum("njc,njc->nj", vectors, vectors)
    return np.sqrt(square, out=square)


def distances(pred: Array, true: Array) -> Array:
    """(N, J) millimetres between poses (N, J, 3)."""
    return lengths(pred - true)

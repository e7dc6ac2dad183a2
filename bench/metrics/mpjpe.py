"""MPJPE: the mean Euclidean distance between predicted and true joints, both relative to the root (Ionescu et al. 2014)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NAME, UNIT, BETTER = "MPJPE", "mm", "lower"


def distances(pred: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, J) millimetres between (N, J, 3) poses."""
    error = pred - true
    return np.sqrt(np.einsum("njc,njc->nj", error, error))


def values(pred: NDArray[np.float64], true: NDArray[np.float64], *, clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) millimetres per pose."""
    return distances(pred, true).mean(axis=1)

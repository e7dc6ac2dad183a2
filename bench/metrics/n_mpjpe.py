"""N-MPJPE: MPJPE after the best scale, pose by pose.

The scale is <true, pred> / <pred, pred> (Rhodin et al. 2018); 0 for a pose of zeros.
"""

from __future__ import annotations

import numpy as np

from bench.metrics import _missing
from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "N-MPJPE"
UNIT = "mm"
BETTER = "lower"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J) millimetres."""
    there = None
    if _missing.partly(true):
        there = _missing.enough(true)
        pred, true = (np.where(there, pose, 0.0) for pose in (pred, true))
    size = np.einsum("njc,njc->n", pred, pred)
    both = np.einsum("njc,njc->n", true, pred)
    # 0 stays where the prediction is nothing but the root
    scale = np.divide(both, size, out=np.zeros_like(size), where=size > 0)
    error = distances(scale[:, None, None] * pred, true)
    return error if there is None else np.where(there[..., 0], error, np.nan)

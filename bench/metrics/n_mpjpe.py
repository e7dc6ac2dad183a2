"""N-MPJPE: MPJPE after the best scale, pose by pose.

The scale is <true, pred> / <pred, pred> (Rhodin et al. 2018); 0 for a pose of zeros.
"""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "N-MPJPE"
UNIT = "mm"
BETTER = "lower"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J) millimetres."""
    size = np.einsum("njc,njc->n", pred, pred)
    both = np.einsum("njc,njc->n", true, pred)
    # 0 stays where the prediction is nothing but the root
    scale = np.divide(both, size, out=np.zeros_like(size), where=size > 0)
    return distances(scale[:, None, None] * pred, true)

"""AUC: PCK averaged over the 31 thresholds 0, 5, ..., 150 mm, each strict (Mehta et al. 2017).

30/31 at best, for nothing is nearer than 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.mpjpe import distances

NAME, UNIT, BETTER = "AUC", "%", "higher"


def values(pred: NDArray[np.float64], true: NDArray[np.float64], *, clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) per cent per pose."""
    # a distance d passes the thresholds 5k > d, so 30 - floor(d / 5) of them, and never less than none
    passed = np.maximum(0, 30 - np.floor(distances(pred, true) / 5))
    return 100 * passed.mean(axis=1) / 31

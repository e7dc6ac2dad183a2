"""PCK@150: the share of joints placed strictly nearer than 150 mm to the truth (Mehta et al. 2017)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.mpjpe import distances

NAME, UNIT, BETTER = "PCK@150", "%", "higher"


def values(pred: NDArray[np.float64], true: NDArray[np.float64], *, clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) per cent of each pose's joints."""
    return 100 * (distances(pred, true) < 150).mean(axis=1)

"""MPJVE: the mean distance between predicted and true joint velocities, frame differences within a clip (Pavllo et al. 2019)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics.mpjpe import distances

NAME, UNIT, BETTER = "MPJVE", "mm/frame", "lower"


def values(pred: NDArray[np.float64], true: NDArray[np.float64], *, clips: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N,) millimetres per frame; NaN at the first frame of each clip, which has no velocity."""
    speed = np.full(len(pred), np.nan)
    if len(pred) > 1:
        speed[1:] = distances(np.diff(pred, axis=0), np.diff(true, axis=0)).mean(axis=1)
        speed[1:][clips[1:] != clips[:-1]] = np.nan
    return speed

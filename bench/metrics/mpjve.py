"""MPJVE: the mean distance between predicted and true joint velocities.

Frame differences within a clip (Pavllo et al. 2019).
"""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import lengths

NAME = "MPJVE"
UNIT = "mm/frame"
BETTER = "lower"
REACH = 1


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J) millimetres per frame; NaN at the first frame of each clip."""
    speed = np.full(pred.shape[:2], np.nan)
    # differences are linear: those of the error are the error of those
    speed[1:] = lengths(np.diff(pred - true, axis=0))
    speed[1:][facts.clips[1:] != facts.clips[:-1]] = np.nan
    return speed

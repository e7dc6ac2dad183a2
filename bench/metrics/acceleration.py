"""Acceleration error: the mean distance between predicted and true joint accelerations.

Second differences within a clip, per frame squared, as Kanazawa et al. (2019, "Learning 3D human
dynamics from video") measure it.
"""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import lengths

NAME = "Acceleration error"
UNIT = "mm/frame²"
BETTER = "lower"
REACH = 2


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J), each at the last of its three frames; NaN at the first two frames of each clip."""
    change = np.full(pred.shape[:2], np.nan)
    # differences are linear: those of the error are the error of those
    change[2:] = lengths(np.diff(pred - true, n=2, axis=0))
    # three frames lie in two steps, neither of which may lead into another clip
    other = facts.clips[1:] != facts.clips[:-1]
    change[2:][other[1:] | other[:-1]] = np.nan
    return change

"""Bone length error: how much longer or shorter predicted bones are than true ones.

The mean over bones.
"""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "Bone length error"
UNIT = "mm"
BETTER = "lower"
NEEDS = "bones"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N,) millimetres."""
    starts, ends = (list(places) for places in zip(*facts.bones, strict=True))
    predicted, given = (
        distances(pose[:, starts], pose[:, ends]) for pose in (pred, true)
    )
    return np.abs(predicted - given).mean(axis=1)

"""Bone length error: how much longer or shorter predicted bones are than true ones.

The mean over bones, in each pose over those whose two ends the truth has.
"""

from __future__ import annotations

import numpy as np

from bench.metrics import _missing
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
    return _missing.means(np.abs(predicted - given))[0]

"""Bone symmetry error: how much a predicted bone's length differs from its mirror image's.

The mean over pairs. The truth plays no part, but for joints that it lacks: their bones are not
counted.
"""

from __future__ import annotations

import numpy as np

from bench.metrics import _missing
from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "Bone symmetry error"
UNIT = "mm"
BETTER = "lower"
NEEDS = "twins"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N,) millimetres."""
    starts, ends = (list(places) for places in zip(*facts.bones, strict=True))
    sizes = distances(pred[:, starts], pred[:, ends])
    left, right = (list(places) for places in zip(*facts.twins, strict=True))
    return _missing.means(np.abs(sizes[:, left] - sizes[:, right]))[0]

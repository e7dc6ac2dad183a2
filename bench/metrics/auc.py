"""AUC: PCK averaged over the 31 thresholds 0, 5, ..., 150 mm, each strict.

As Mehta et al. (2017) have it; 30/31 at best, for nothing is nearer than 0.
"""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "AUC"
UNIT = "%"
BETTER = "higher"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J) per cent."""
    # a distance d passes the thresholds 5k > d, so 30 - floor(d / 5) of them, and never less than
    # none: no pass over the data for each threshold
    return (100 / 31) * np.maximum(0, 30 - np.floor(distances(pred, true) / 5))

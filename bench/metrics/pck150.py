"""PCK@150: the share of joints placed strictly nearer than 150 mm to the truth.

As Mehta et al. (2017) have it.
"""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "PCK@150"
UNIT = "%"
BETTER = "higher"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N, J) per cent: 100 or 0."""
    distance = distances(pred, true)
    # 0, or NaN where a joint is missing: that is below no threshold, and no miss either
    return np.where(distance < 150, 100.0, 0.0 * distance)

"""MRPE: the mean distance between predicted and true root in the camera frame.

As Moon et al. (2019) measure it; all other metrics leave the root's place out.
"""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "MRPE"
UNIT = "mm"
BETTER = "lower"
NEEDS = "roots"


def values(pred: Array, true: Array, facts: Facts) -> Array:
    """(N,) millimetres."""
    assert facts.roots is not None  # what a metric needs is there when it is called
    # a root is a pose of one joint
    made, due = (root[:, None] for root in facts.roots)
    # a pose whose root the truth lacks has nothing at all
    lacks = np.isnan(true).all(axis=(1, 2))
    return np.where(lacks, np.nan, distances(made, due)[:, 0])

"""MRPE: the mean distance between predicted and true root in the camera frame.

As Moon et al. (2019) measure it; all other metrics leave the root's place out.
"""

from __future__ import annotations

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
    pred, true = (root[:, None] for root in facts.roots)
    return distances(pred, true)[:, 0]

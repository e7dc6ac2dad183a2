"""MPJPE of the joints that are regressed from the predicted surface (Choi et al. 2020)."""

from __future__ import annotations

from bench.metrics._facts import Array, Facts
from bench.metrics._lengths import distances

NAME = "MPJPE of the mesh"
UNIT = "mm"
BETTER = "lower"
NEEDS = "regressed"


def values(
    pred: Array,
    true: Array,
    facts: Facts,
) -> Array:
    """(N, J) millimetres."""
    assert facts.regressed is not None  # what a metric needs is there when it is called
    return distances(facts.regressed, true)

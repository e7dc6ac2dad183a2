"""PA-MPJPE of the joints that are regressed from the predicted surface (Choi et al. 2020)."""

from __future__ import annotations

import numpy as np

from bench.metrics._facts import Array, Facts
from bench.metrics._procrustes import distances

NAME = "PA-MPJPE of the mesh"
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
    # what the truth lacks, the other must lack as well
    made = np.where(np.isnan(true), np.nan, facts.regressed)
    return distances(made, true)

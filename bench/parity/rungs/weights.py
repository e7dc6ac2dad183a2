"""Weights that are loaded come back as they went in."""

from __future__ import annotations

import numpy as np

from bench.coordinator.job import Progress
from bench.parity import budget
from bench.parity.judging import Judged, check, thinned
from bench.parity.trial import Trial

# First of all: a weight that is lost or turned on its way makes every later number wrong.
AFTER = ()


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """Load every array, read it back, and name the one that differs most."""
    program = trial.backend.program(trial.spec.train, trial.settings)
    program.load(trial.params)
    back = program.params()
    nothing = np.zeros((0, 0, 0))  # a shape that no weight has
    errors = {
        name: budget.error(np.asarray(back.get(name, nothing)), trial.params[name])
        for name in trial.spec.train.params
    }
    # of equals the last by name, which is the same on every backend
    worst = max(errors, key=lambda name: (errors[name], name))
    judged = Judged(
        check=check("weights", worst, errors[worst], 0.0, "train"),
        name="all",
        value=thinned(back[name] for name in sorted(errors) if name in back),
        allowed=np.zeros(()),  # copied, not computed
    )
    return [judged]

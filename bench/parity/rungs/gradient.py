"""d(loss)/d(parameter), tensor by tensor."""

from __future__ import annotations

import numpy as np

from backends.base import Backend, Settings, gradient_trainer
from bench.coordinator.job import Progress
from bench.parity.judging import Judged, judge, largest
from bench.parity.oracle import Compute, asked
from bench.parity.trial import Arrays, Trial

# After the loss: a wrong loss has wrong gradients, and is the cause.
AFTER = ("equivalence", "calls")
# A tensor below this share of the largest gradient is a sum that cancels: what is left of it
# is as rough as its terms were, so it is judged against that share.
NEAR_ZERO = 1e-2
# Below this share in float64 it is zero by mathematics (a bias before BatchNorm), and what
# float32 leaves of it has no digit that means anything: it is judged against the largest.
CANCELLED = 1e-12


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """Hold each tensor against the oracle's, on a scale that fits its size."""
    answers = asked(trial, "gradient", _gradients(trial), progress)
    most = max(largest(answer.due) for answer in answers.values())
    return [
        judge("gradient", name, answer, graph="train", scale=scale_of(answer.due, most))
        for name, answer in answers.items()
    ]


def scale_of(due: np.ndarray, most: float) -> float:
    """What a gradient's errors are at least relative to; `most` is the largest of all."""
    cancelled = largest(due) < CANCELLED * most
    return most * (1.0 if cancelled else NEAR_ZERO)


def _gradients(trial: Trial) -> Compute:
    def compute(backend: Backend, settings: Settings, params: Arrays) -> Arrays:
        trainer = gradient_trainer(backend, trial.spec.train, settings)
        trainer.program.load({name: params[name] for name in trial.spec.train.params})
        _, grads = trainer.gradients(trainer.program.put(trial.feeds))
        return grads

    return compute

"""d(loss)/d(parameter), tensor by tensor."""

from __future__ import annotations

from backends.base import Backend, Settings
from bench.coordinator.job import Progress
from bench.parity.judging import Judged, Three, judge, largest
from bench.parity.trial import Arrays, Trial
from models.optim import Optimizer

# After the loss: a wrong loss has wrong gradients, and is the cause.
AFTER = ("equivalence",)
# A tensor below this share of the largest gradient is a sum that cancels: what is left of it
# is as rough as its terms were, so it is judged against that share.
NEAR_ZERO = 1e-2
# Below this share in float64 it is zero by mathematics (a bias before BatchNorm), and what
# float32 leaves of it has no digit that means anything: it is judged against the largest.
CANCELLED = 1e-12


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """Hold each tensor against the oracle's, on a scale that fits its size."""
    own, exact, rough = (_gradients(trial, *run) for run in trial.runs())
    most = max(largest(grad) for grad in exact.values())
    judged = []
    for name, due in exact.items():
        share = 1.0 if largest(due) < CANCELLED * most else NEAR_ZERO
        values = Three(own[name], due, rough[name])
        judged.append(
            judge("gradient", name, values, graph="train", scale=most * share)
        )
    return judged


def _gradients(trial: Trial, backend: Backend, settings: Settings) -> Arrays:
    # The rule and its rate do not matter: no step is made.
    trainer = backend.trainer(trial.spec.train, Optimizer("sgd", 0.0, 0.0), settings)
    trainer.program.load(trial.params)
    _, grads = trainer.gradients(trainer.program.put(trial.feeds))
    return grads

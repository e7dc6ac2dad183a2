"""Which optimizer a job trains with: the run's settings over the model's published recipe."""

from __future__ import annotations

from bench.coordinator.job import Job
from models.optim import Optimizer
from models.spec import Spec


def optimizer_of(job: Job, spec: Spec) -> Optimizer:
    """The rule with its numbers. A weight decay of 0 is a setting like any other."""
    train, recipe = job.settings.train, spec.recipe
    decay = recipe.weight_decay if train.weight_decay is None else train.weight_decay
    return Optimizer(train.optimizer or recipe.optimizer, train.lr or recipe.lr, decay)

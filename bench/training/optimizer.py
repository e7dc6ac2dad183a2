"""Which optimizer a job trains with: the run's settings over the model's published recipe."""

from __future__ import annotations

from bench.coordinator.job import Job
from models.optim import Optimizer


def optimizer_of(job: Job) -> Optimizer:
    """The rule with its numbers."""
    train = job.training
    return Optimizer(train.optimizer, train.lr, train.weight_decay)

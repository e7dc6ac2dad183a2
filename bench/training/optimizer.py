"""Which optimizer a job trains with: the run's settings over the model's published recipe."""

from __future__ import annotations

from bench.coordinator.job import Job
from models.optim import Optimizer


def optimizer_of(job: Job) -> Optimizer:
    """The rule with its numbers."""
    train = job.training
    clip = train.clip or {}
    return Optimizer(
        rule=train.optimizer,
        lr=train.lr,
        weight_decay=train.weight_decay,
        clip_norm=clip.get("norm"),
        clip_value=clip.get("value"),
    )

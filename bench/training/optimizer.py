"""Which optimizer a job trains with: the run's settings over the model's published recipe."""

from __future__ import annotations

from bench.coordinator.job import Job
from models.optim import Optimizer
from models.spec import Spec


def optimizer_of(job: Job, spec: Spec) -> Optimizer:
    """The rule with its numbers. A weight decay of 0 is a setting like any other."""
    train, recipe = job.settings.train, spec.recipe
    decay = train.weight_decay
    # `or` would take the recipe's decay where 0 was asked for; a rate of 0 cannot be asked for
    if decay is None:
        decay = recipe.weight_decay
    clip = train.clip or {}
    return Optimizer(
        rule=train.optimizer or recipe.optimizer,
        lr=train.lr or recipe.lr,
        weight_decay=decay,
        clip_norm=clip.get("norm"),
        clip_value=clip.get("value"),
    )

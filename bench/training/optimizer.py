"""Which optimizer a job trains with: the run's settings over the model's published recipe."""

from __future__ import annotations

from typing import Any

from bench.coordinator.job import Job
from bench.training import groups
from bench.training.settings import Train
from models import optim
from models.errors import BadInput
from models.optim import Optimizer
from models.spec import Spec

NUMBERS = ("momentum", "beta1", "beta2", "alpha", "eps", "amsgrad")


def optimizer_of(job: Job, spec: Spec) -> Optimizer:
    """The rule with its numbers. Raises BadInput as `asked_for` does."""
    return asked_for(job.settings.train, spec)


def asked_for(train: Train, spec: Spec) -> Optimizer:
    """The rule with its numbers. A weight decay of 0 is a setting like any other.

    Raises BadInput for a number that the rule has not.
    """
    recipe = spec.recipe
    decay = train.weight_decay
    # `or` would take the recipe's decay where 0 was asked for; a rate of 0 cannot be asked for
    if decay is None:
        decay = recipe.weight_decay
    rule, lr = train.optimizer or recipe.optimizer, train.lr or recipe.lr
    clip = train.clip or {}
    return Optimizer(
        rule=rule,
        lr=lr,
        weight_decay=decay,
        clip_norm=clip.get("norm"),
        clip_value=clip.get("value"),
        rates=groups.factors(train.groups, spec.train.trainable(), lr),
        **_numbers(train, rule),
    )


def _numbers(train: Train, rule: str) -> dict[str, Any]:
    asked = {name: getattr(train, name) for name in NUMBERS}
    given = {name: number for name, number in asked.items() if number is not None}
    known = optim.numbers(rule)
    for name in given:
        if name not in known:
            raise BadInput(
                f"train.{name}: the optimizer is {rule}, which has {', '.join(known)} alone;"
                " leave it out, or choose another optimizer"
            )
    return given

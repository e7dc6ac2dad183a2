"""Which optimizer a job trains with: the run's settings over the model's published recipe."""

from __future__ import annotations

from typing import Any

from bench.coordinator.job import Job
from bench.training import groups
from bench.training.settings import Complete
from models import optim
from models.errors import BadInput
from models.optim import Optimizer
from models.spec import Spec

NUMBERS = ("momentum", "beta1", "beta2", "alpha", "eps", "amsgrad")


def optimizer_of(job: Job, spec: Spec) -> Optimizer:
    """The rule with its numbers. Raises BadInput as `asked_for` does."""
    return asked_for(job.training, spec)


def asked_for(train: Complete, spec: Spec) -> Optimizer:
    """The rule with its numbers. Raises BadInput for a number that the rule has not."""
    clip = train.clip or {}
    return Optimizer(
        rule=train.optimizer,
        lr=train.lr,
        weight_decay=train.weight_decay,
        clip_norm=clip.get("norm"),
        clip_value=clip.get("value"),
        rates=groups.factors(train.groups, spec.train.trainable(), train.lr),
        **_numbers(train),
    )


def _numbers(train: Complete) -> dict[str, Any]:
    rule = train.optimizer
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

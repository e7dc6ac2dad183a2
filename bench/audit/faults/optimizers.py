"""Optimizers with other numbers, or another rule, than were asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bench.audit.fault import UNTRAINED, Fault
from bench.audit.planting.proxy import Planting, WrongTrainer
from models.optim import Optimizer

KIND = "optimizer"


def _with(**numbers: float) -> Any:
    """The same rule with numbers of its own."""
    return lambda asked: replace(asked, **numbers)


def _rule(name: str, other: str) -> Any:
    def wrong(asked: Optimizer) -> Optimizer:
        return replace(asked, rule=other) if asked.rule == name else asked

    return wrong


def _undecayed(asked: Optimizer) -> Optimizer:
    return replace(asked, weight_decay=0.0)


def _decayed_twice(asked: Optimizer) -> Optimizer:
    return replace(asked, weight_decay=2 * asked.weight_decay)


def _betas_swapped(asked: Optimizer) -> Optimizer:
    return replace(asked, beta1=asked.beta2, beta2=asked.beta1)


class _Rate(WrongTrainer):
    """Every rate is taken with a factor."""

    factor = 1.01

    def set_lr(self, lr: float) -> None:
        self.inner.set_lr(lr * self.factor)


class _NearRate(_Rate):
    factor = 1.0003


def _rate(factor: float) -> Any:
    return lambda asked: replace(asked, lr=asked.lr * factor)


def _fault(
    name: str, optimizer: Any, model: str = "simple_baseline", **rest: Any
) -> Fault:
    planting = Planting(optimizer=optimizer, **rest)
    return Fault(
        name=name, planting=planting, model=model, tasks=("parity",), blind=UNTRAINED
    )


FAULTS = (
    _fault("weight decay lost", _undecayed, "poseformer"),
    _fault("weight decay doubled", _decayed_twice, "motionbert"),
    _fault("adamw decays in the gradient", _rule("adamw", "adam"), "poseformer"),
    _fault("adam decays beside the gradient", _rule("adam", "adamw")),
    _fault("beta1 0.95 always", _with(beta1=0.95)),
    _fault("beta2 0.99 always", _with(beta2=0.99)),
    _fault("betas swapped", _betas_swapped),
    _fault("epsilon 1e-8 always", _with(eps=1e-8)),
    _fault("momentum lost", _with(momentum=0.0)),
    _fault("momentum 0.99 always", _with(momentum=0.99)),
    _fault("rmsprop alpha 0.9 always", _with(alpha=0.9)),
    _fault("rmsprop is sgd", _rule("rmsprop", "sgd")),
    _fault("rate 1 % too large", _rate(1.01), trainer=_Rate),
    _fault("rate 0.03 % too large", _rate(1.0003), trainer=_NearRate),
)

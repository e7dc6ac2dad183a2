"""Optimizer rules that are nearly right: written out, and applied in the native one's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from backends.base import Arrays, Feeds, Trainer
from bench.audit.fault import UNTRAINED, Fault
from bench.audit.planting.proxy import Planting, WrongProgram, WrongTrainer
from models.optim import Optimizer

KIND = "optimizer"
State = tuple[Any, ...]
# parameter, gradient, state, step, numbers -> parameter, state
Rule = Callable[[Any, Any, State, int, Optimizer], tuple[Any, State]]


class _ByHand(WrongTrainer):
    """One rule is applied in NumPy; every other one natively."""

    of = "adam"
    rule: Rule

    def __init__(self, inner: Trainer, program: WrongProgram) -> None:
        super().__init__(inner, program)
        self.slots: dict[str, State] = {}
        self.steps = 0
        self.rate: float | None = None

    def set_lr(self, lr: float) -> None:
        self.rate = lr
        self.inner.set_lr(lr)

    def apply(self, grads: Arrays) -> None:
        if self.optimizer.rule != self.of:
            self.inner.apply(grads)
            return
        self.steps += 1
        held = self.inner.program.params()
        numbers = self._numbers()
        moved = {}
        for name, grad in grads.items():
            param = np.asarray(held[name], np.float64)
            start = tuple(np.zeros_like(param) for _ in range(numbers.slots()))
            state = self.slots.get(name, start)
            exact = np.asarray(grad, np.float64)
            new, self.slots[name] = type(self).rule(
                param, exact, state, self.steps, numbers
            )
            moved[name] = np.asarray(new, np.float32)
        self.inner.program.load({**held, **moved})

    def step(self, feeds: Feeds) -> Any:
        if self.optimizer.rule != self.of:
            return self.inner.step(feeds)
        loss, grads = self.inner.gradients(feeds)
        self.apply(grads)
        return np.float32(loss)

    def _numbers(self) -> Optimizer:
        return replace(self.optimizer, lr=self.rate or self.optimizer.lr)


def _moments(grad: Any, state: State, o: Optimizer) -> State:
    first = state[0] * o.beta1 + grad * (1 - o.beta1)
    second = state[1] * o.beta2 + grad * grad * (1 - o.beta2)
    return first, second


def _uncorrected(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Any:
    """Adam whose moments are taken as they are."""
    first, second = _moments(grad + param * o.weight_decay, state, o)
    return param - o.lr * first / (second**0.5 + o.eps), (first, second)


def _eps_before(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Any:
    """Adam as Keras has it: epsilon beside the root of the uncorrected moment."""
    first, second = _moments(grad + param * o.weight_decay, state, o)
    rate = o.lr * (1 - o.beta2**step) ** 0.5 / (1 - o.beta1**step)
    return param - rate * first / (second**0.5 + o.eps), (first, second)


def _eps_inside(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Any:
    """RMSprop with epsilon under the root."""
    grad = grad + param * o.weight_decay
    square = state[0] * o.alpha + grad * grad * (1 - o.alpha)
    return param - o.lr * grad / (square + o.eps) ** 0.5, (square,)


def _nesterov(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Any:
    """Momentum that looks ahead."""
    grad = grad + param * o.weight_decay
    velocity = state[0] * o.momentum + grad
    return param - o.lr * (grad + o.momentum * velocity), (velocity,)


def _dampened(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Any:
    """A velocity that is a mean, as in other books."""
    grad = grad + param * o.weight_decay
    velocity = state[0] * o.momentum + grad * (1 - o.momentum)
    return param - o.lr * velocity, (velocity,)


def _spared(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Any:
    """AdamW that decays no vector: no bias, no gain."""
    decayed = param * (1 - o.lr * o.weight_decay) if param.ndim > 1 else param
    first, second = _moments(grad, state, o)
    mean = first / (1 - o.beta1**step)
    root = (second / (1 - o.beta2**step)) ** 0.5 + o.eps
    return decayed - o.lr * mean / root, (first, second)


def _fault(name: str, of: str, rule: Rule, model: str = "simple_baseline") -> Fault:
    trainer = type("ByHand", (_ByHand,), {"of": of, "rule": staticmethod(rule)})
    planting = Planting(trainer=trainer)
    tasks = ("parity",)
    return Fault(
        name=name, planting=planting, model=model, tasks=tasks, blind=UNTRAINED
    )


FAULTS = (
    _fault("adam without correction of its moments", "adam", _uncorrected),
    _fault("adam with epsilon before the correction", "adam", _eps_before),
    _fault("rmsprop with epsilon under the root", "rmsprop", _eps_inside),
    _fault("sgd with Nesterov's momentum", "sgd", _nesterov),
    _fault("sgd with a dampened velocity", "sgd", _dampened),
    _fault("adamw decays no vector", "adamw", _spared, "poseformer"),
)

"""Optimizers as written rules, in operators alone: one text serves NumPy arrays and Values.

Each rule maps (parameter, gradient, state, step from 1) to (new parameter, new state).
Sources:
sgd: momentum as PyTorch's, velocity = momentum velocity + gradient; parameter -= lr velocity.
adam: Kingma and Ba 2015, algorithm 1; epsilon outside the root of the corrected second moment.
adamw: Loshchilov and Hutter 2019; decay scaled by lr.
rmsprop: Hinton 2012; epsilon outside the root.
amsgrad: Reddi, Kale and Kumar 2018, over the uncorrected second moment, as PyTorch has it.
Clipping by the norm of all gradients: Pascanu, Mikolov and Bengio 2013, as PyTorch computes it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from models.errors import BadInput, UnknownName
from models.value import Value

# arrays that a rule keeps of a parameter, and what one step of it gives
State = tuple[Any, ...]
Step = tuple[Any, State]
# beside a norm that is divided by, as in torch.nn.utils.clip_grad_norm_
NEAR_ZERO = 1e-6
# numbers that records and fingerprints of before have not: said where they are asked for
LATER = ("clip_norm", "clip_value", "amsgrad", "rates")


@dataclass(frozen=True)
class Optimizer:
    """Which rule, and every number it needs.

    `weight_decay` is decoupled in adamw and added to the gradient elsewhere.
    """

    rule: str
    lr: float
    weight_decay: float
    momentum: float = 0.9  # sgd
    beta1: float = 0.9  # adam, adamw
    beta2: float = 0.999
    alpha: float = 0.99  # rmsprop
    eps: float = 1e-8
    # before the rule: all gradients shortened together, or each entry held within +-
    clip_norm: float | None = None
    clip_value: float | None = None
    amsgrad: bool = False  # adam, adamw
    # by name, factors of the rate of parameters that have one of their own
    rates: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise UnknownName("optimizer", self.rule, RULES)
        if self.amsgrad and "amsgrad" not in numbers(self.rule):
            raise BadInput(f"optimizer {self.rule}: it has no amsgrad; adam has")

    def slots(self) -> int:
        """How many arrays of state a parameter has."""
        slots, _, _ = RULES[self.rule]
        return slots + self.amsgrad

    def factor(self, name: str) -> float:
        """Of the rate of a parameter."""
        return dict(self.rates).get(name, 1.0)

    def of(self, name: str) -> Optimizer:
        """The rule as it is for one parameter."""
        factor = self.factor(name)
        return self if factor == 1 else replace(self, lr=self.lr * factor)

    def update(self, param: Any, grad: Any, state: State, step: Any) -> Step:
        """One step of the rule."""
        _, rule, _ = RULES[self.rule]
        return rule(param, grad, state, step, self)

    @property
    def clips(self) -> bool:
        """Whether gradients are clipped at all."""
        return self.clip_norm is not None or self.clip_value is not None

    def clipped(self, grads: Mapping[str, Any]) -> dict[str, Any]:
        """All gradients of a step, by name, as the rule is to take them."""
        found = dict(grads)
        if self.clip_value is not None:
            most = self.clip_value
            found = {name: _within(grad, -most, most) for name, grad in found.items()}
        if self.clip_norm is not None:
            squares = [_total(grad * grad) for grad in found.values()]
            norm = sum(squares[1:], start=squares[0]) ** 0.5
            factor = _within(self.clip_norm / (norm + NEAR_ZERO), 0.0, 1.0)
            found = {name: grad * factor for name, grad in found.items()}
        return found

    def describe(self) -> Mapping[str, Any]:
        """The numbers, for a record."""
        said = {
            name: number
            for name, number in asdict(self).items()
            if number or name not in LATER
        }
        said.pop("rates", None)
        counts = Counter(factor for _, factor in self.rates)
        for factor, count in counts.items():
            said[f"rate x {factor:g}"] = f"{count} parameters"
        return said


def sgd(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    """Momentum without dampening; the first velocity is the gradient itself."""
    velocity = state[0] * o.momentum + _decayed(param, grad, o)
    return param - velocity * o.lr, (velocity,)


def adam(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    """L2 decay in the gradient."""
    return _adam(param, _decayed(param, grad, o), state, step, o)


def adamw(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    """Decoupled decay, applied before the step."""
    decayed = param * (1 - o.lr * o.weight_decay) if o.weight_decay else param
    return _adam(decayed, grad, state, step, o)


def rmsprop(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    """Uncentred, without momentum."""
    grad = _decayed(param, grad, o)
    square = state[0] * o.alpha + grad * grad * (1 - o.alpha)
    root = square**0.5 + o.eps
    return param - grad / root * o.lr, (square,)


def _decayed(param: Any, grad: Any, o: Optimizer) -> Any:
    """The gradient with that of the decay, which is left out where it is none."""
    # not +=, which would write into the caller's array
    return grad + param * o.weight_decay if o.weight_decay else grad


def _adam(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    # moments of the gradient: running means that start at 0, hence the correction below
    first = state[0] * o.beta1 + grad * (1 - o.beta1)
    second = state[1] * o.beta2 + grad * grad * (1 - o.beta2)
    largest = _larger(state[2], second) if o.amsgrad else second
    # Both corrections are numbers, and go with the rate: (m / a) / (sqrt(v / b) + eps) lr is
    # m / (sqrt(v) + eps sqrt(b)) lr sqrt(b) / a, which spares two passes over each array.
    widening = _unbias(o.beta2, step) ** 0.5
    root = largest**0.5 + widening * o.eps
    rate = widening / _unbias(o.beta1, step) * o.lr
    kept = (first, second, largest) if o.amsgrad else (first, second)
    return param - first / root * rate, kept


def _larger(x: Any, y: Any) -> Any:
    return x.maximum(y) if isinstance(x, Value) else np.maximum(x, y)


def _within(x: Any, least: float, most: float) -> Any:
    if isinstance(x, Value):
        return x.clip(low=least, high=most)
    return np.clip(x, least, most)


def _total(x: Any) -> Any:
    """The sum of all entries."""
    axes = tuple(range(len(x.shape)))
    return x.sum(axis=axes, keepdims=False) if axes else x


def _unbias(beta: float, step: Any) -> Any:
    """1 - beta^step."""
    # in Python and NumPy that is float64, where nothing is lost
    if not isinstance(step, Value):
        return 1 - beta**step
    # In float32 the difference cancels: 5e-5 of it is lost at 0.999, step 1. With
    # beta^step = e^2h, the same number is 2 tanh h / (tanh h - 1), which does not.
    half = (step * (math.log(beta) / 2)).tanh()
    return half * 2.0 / (half - 1.0)


ADAPTIVE = ("beta1", "beta2", "eps", "amsgrad")
# by name: how many arrays of state a parameter has, all zero at first, the rule, and which
# numbers it has beside rate and decay
RULES: dict[str, tuple[int, Callable[..., Step], tuple[str, ...]]] = {
    "sgd": (1, sgd, ("momentum",)),
    "adam": (2, adam, ADAPTIVE),
    "adamw": (2, adamw, ADAPTIVE),
    "rmsprop": (1, rmsprop, ("alpha", "eps")),
}


def numbers(rule: str) -> tuple[str, ...]:
    """What a rule reads beside rate and decay."""
    _, _, found = RULES[rule]
    return found

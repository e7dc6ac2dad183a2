"""Optimizers as written rules, in operators alone: one text serves NumPy arrays and Values.

Each rule maps (parameter, gradient, state, step from 1) to (new parameter, new state).
Sources:
sgd: momentum as PyTorch's, velocity = momentum velocity + gradient; parameter -= lr velocity.
adam: Kingma and Ba 2015, algorithm 1; epsilon outside the root of the corrected second moment.
adamw: Loshchilov and Hutter 2019; decay scaled by lr.
rmsprop: Hinton 2012; epsilon outside the root.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from models.errors import UnknownName
from models.value import Value

# arrays that a rule keeps of a parameter, and what one step of it gives
State = tuple[Any, ...]
Step = tuple[Any, State]


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

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise UnknownName("optimizer", self.rule, RULES)

    def slots(self) -> int:
        """How many arrays of state a parameter has."""
        slots, _ = RULES[self.rule]
        return slots

    def update(self, param: Any, grad: Any, state: State, step: Any) -> Step:
        """One step of the rule."""
        _, rule = RULES[self.rule]
        return rule(param, grad, state, step, self)

    def describe(self) -> Mapping[str, Any]:
        """The numbers, for a record."""
        return asdict(self)


def sgd(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    """Momentum without dampening; the first velocity is the gradient itself."""
    decayed = grad + param * o.weight_decay
    velocity = state[0] * o.momentum + decayed
    return param - velocity * o.lr, (velocity,)


def adam(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    """L2 decay in the gradient."""
    decayed = grad + param * o.weight_decay
    return _adam(param, decayed, state, step, o)


def adamw(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    """Decoupled decay, applied before the step."""
    decayed = param * (1 - o.lr * o.weight_decay)
    return _adam(decayed, grad, state, step, o)


def rmsprop(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    """Uncentred, without momentum."""
    # not +=, which would write into the caller's array
    grad = grad + param * o.weight_decay
    square = state[0] * o.alpha + grad * grad * (1 - o.alpha)
    root = square**0.5 + o.eps
    return param - grad / root * o.lr, (square,)


def _adam(param: Any, grad: Any, state: State, step: Any, o: Optimizer) -> Step:
    # moments of the gradient: running means that start at 0, hence the correction below
    first = state[0] * o.beta1 + grad * (1 - o.beta1)
    second = state[1] * o.beta2 + grad * grad * (1 - o.beta2)
    mean = first / _unbias(o.beta1, step)
    root = (second / _unbias(o.beta2, step)) ** 0.5 + o.eps
    return param - mean / root * o.lr, (first, second)


def _unbias(beta: float, step: Any) -> Any:
    """1 - beta^step."""
    # in Python and NumPy that is float64, where nothing is lost
    if not isinstance(step, Value):
        return 1 - beta**step
    # In float32 the difference cancels: 5e-5 of it is lost at 0.999, step 1. With
    # beta^step = e^2h, the same number is 2 tanh h / (tanh h - 1), which does not.
    half = (step * (math.log(beta) / 2)).tanh()
    return half * 2.0 / (half - 1.0)


# by name: how many arrays of state a parameter has, all zero at first, and the rule
RULES: dict[str, tuple[int, Callable[..., Step]]] = {
    "sgd": (1, sgd),
    "adam": (2, adam),
    "adamw": (2, adamw),
    "rmsprop": (1, rmsprop),
}

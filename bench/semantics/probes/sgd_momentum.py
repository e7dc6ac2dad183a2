"""What the velocity of SGD is made of: told by a rate that falls."""

from __future__ import annotations

from typing import Any

from bench.semantics.of_rule import RuleProbe
from bench.semantics.variants import Variant
from models.optim import Optimizer, State, Step


def _rated(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    velocity = state[0] * o.momentum - grad * o.lr
    return param + velocity, (velocity,)


def _dampened(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    velocity = state[0] * o.momentum + grad * (1 - o.momentum)
    return param - velocity * o.lr, (velocity,)


def _nesterov(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    velocity = state[0] * o.momentum + grad
    return param - (grad + velocity * o.momentum) * o.lr, (velocity,)


def _plain(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    return param - grad * o.lr, state


PROBE = RuleProbe(
    about="velocity of SGD",
    optimizer=Optimizer("sgd", lr=0.5, weight_decay=0.0, momentum=0.9),
    variants=(
        Variant("of_gradients", "u = m u + g; w -= lr u", "torch, optax"),
        Variant(
            "of_steps",
            "u = m u - lr g; w += u: a rate that falls leaves it",
            "Sutskever et al. 2013; Keras",
            _rated,
        ),
        Variant("dampened", "u = m u + (1 - m) g", "torch's dampening", _dampened),
        Variant("nesterov", "w -= lr (g + m u)", "torch's nesterov", _nesterov),
        Variant("left_out", "w -= lr g", "a port that forgot it", _plain),
    ),
)

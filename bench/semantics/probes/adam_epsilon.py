"""Where epsilon stands in Adam, and whether its moments are corrected."""

from __future__ import annotations

from typing import Any

from bench.semantics.of_rule import RuleProbe
from bench.semantics.variants import Variant
from models.optim import Optimizer, State, Step


def _moments(grad: Any, state: State, o: Optimizer) -> State:
    first = state[0] * o.beta1 + grad * (1 - o.beta1)
    second = state[1] * o.beta2 + grad * grad * (1 - o.beta2)
    return first, second


def _hat(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    first, second = _moments(grad, state, o)
    rate = o.lr * (1 - o.beta2**step) ** 0.5 / (1 - o.beta1**step)
    return param - rate * first / (second**0.5 + o.eps), (first, second)


def _inside(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    first, second = _moments(grad, state, o)
    mean, square = first / (1 - o.beta1**step), second / (1 - o.beta2**step)
    return param - o.lr * mean / (square + o.eps) ** 0.5, (first, second)


def _uncorrected(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    first, second = _moments(grad, state, o)
    return param - o.lr * first / (second**0.5 + o.eps), (first, second)


PROBE = RuleProbe(
    about="place of epsilon in Adam",
    optimizer=Optimizer("adam", lr=0.5, weight_decay=0.0, eps=0.05),
    variants=(
        Variant("outside", "m^ / (sqrt(v^) + eps)", "Kingma and Ba 2015; torch, optax"),
        Variant(
            "hat",
            "m^ / (sqrt(v) + eps), v uncorrected in the root, the rate corrected",
            "Keras, TF1",
            _hat,
        ),
        Variant("inside", "m^ / sqrt(v^ + eps)", "optax's eps_root", _inside),
        Variant(
            "uncorrected", "m / (sqrt(v) + eps)", "BERT's AdamWeightDecay", _uncorrected
        ),
    ),
)

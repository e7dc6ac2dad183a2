"""Where epsilon stands in RMSprop, and where its mean square starts."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_rule import RuleProbe
from bench.semantics.variants import Variant
from models.optim import Optimizer, State, Step


def _inside(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    square = state[0] * o.alpha + grad * grad * (1 - o.alpha)
    return param - o.lr * grad / (square + o.eps) ** 0.5, (square,)


def _from_one(param: Any, grad: Any, state: State, step: int, o: Optimizer) -> Step:
    begun = (np.ones_like(param),) if step == 1 else state
    return _inside(param, grad, begun, step, o)


PROBE = RuleProbe(
    about="place of epsilon in RMSprop",
    optimizer=Optimizer("rmsprop", lr=0.5, weight_decay=0.0, eps=0.05),
    variants=(
        Variant("outside", "g / (sqrt(s) + eps)", "Hinton 2012; torch"),
        Variant("inside", "g / sqrt(s + eps)", "Keras, optax", _inside),
        Variant(
            "inside_from_one", "g / sqrt(s + eps), s from 1", "TF1, timm", _from_one
        ),
    ),
)

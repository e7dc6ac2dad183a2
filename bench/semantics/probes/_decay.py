"""How weight decay is coupled: the same variants for each rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.semantics.of_rule import RuleProbe
from bench.semantics.variants import Variant
from models.optim import RULES, Optimizer, State, Step

Rule = Callable[..., Step]
DECAY = 0.3
WHO = {
    "coupled": "torch's SGD, Adam, RMSprop",
    "decoupled": "Loshchilov and Hutter 2019; torch's AdamW, Keras, optax.adamw",
}


def probe(rule: str, *, decoupled: bool) -> RuleProbe:
    """The probe of a rule, whose own decay is one of the two."""
    optimizer = Optimizer(rule, lr=0.5, weight_decay=DECAY, eps=0.05)
    mine, others = ("decoupled", "coupled") if decoupled else ("coupled", "decoupled")
    coupled, plain = _coupled(rule), _plain(rule)
    forms = {
        "coupled": ("g + decay w, before the rule", coupled),
        "decoupled": ("w (1 - lr decay), before the step", _decoupled(plain)),
    }
    return RuleProbe(
        about=f"coupling of weight decay in {rule}",
        optimizer=optimizer,
        variants=(
            Variant(mine, forms[mine][0], WHO[mine]),
            Variant(others, forms[others][0], WHO[others], forms[others][1]),
            Variant(
                "unscaled",
                "w (1 - decay): the rate has no part in it",
                "Loshchilov and Hutter 2019, algorithm 2, with a schedule of 1",
                _unscaled(plain),
            ),
            Variant(
                "after", "(w - step) (1 - lr decay)", "loops by hand", _after(plain)
            ),
            Variant("left_out", "none", "optimizers that take none", plain),
        ),
    )


def _plain(rule: str) -> Rule:
    """The rule without decay."""
    _, whole, _ = RULES[rule]

    def step(param: Any, grad: Any, state: State, at: int, o: Optimizer) -> Step:
        return whole(param, grad, state, at, replace(o, weight_decay=0.0))

    return step


def _coupled(rule: str) -> Rule:
    plain = _plain(rule)

    def step(param: Any, grad: Any, state: State, at: int, o: Optimizer) -> Step:
        return plain(param, grad + param * o.weight_decay, state, at, o)

    return step


def _decoupled(plain: Rule) -> Rule:
    def step(param: Any, grad: Any, state: State, at: int, o: Optimizer) -> Step:
        return plain(param * (1 - o.lr * o.weight_decay), grad, state, at, o)

    return step


def _unscaled(plain: Rule) -> Rule:
    def step(param: Any, grad: Any, state: State, at: int, o: Optimizer) -> Step:
        return plain(param * (1 - o.weight_decay), grad, state, at, o)

    return step


def _after(plain: Rule) -> Rule:
    def step(param: Any, grad: Any, state: State, at: int, o: Optimizer) -> Step:
        moved, kept = plain(param, grad, state, at, o)
        return moved * (1 - o.lr * o.weight_decay), kept

    return step

"""Probes of an optimizer: a few steps on gradients that are given, of one parameter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backends.base import Backend, Settings
from bench.semantics.variants import NEAR, Found, Variant, apart, named
from models import Builder, Graph
from models.optim import RULES, Optimizer
from models.spec import Spec

# a parameter, and its gradients step by step: of the size of any epsilon that is asked for
START = np.array([0.5, -0.75, 0.25, 1.0], np.float32)
GRADS = (
    np.array([0.02, -0.3, 0.004, 0.0], np.float32),
    np.array([0.05, 0.1, -0.001, 0.2], np.float32),
    np.array([-0.01, 0.2, 0.01, -0.1], np.float32),
)
RATES = (0.5, 0.5, 0.1)  # a rate that falls shows what of it is kept


@dataclass(frozen=True, kw_only=True)
class RuleProbe:
    """A meaning of one rule. What a variant gives is called as the rules of `models.optim` are."""

    about: str
    optimizer: Optimizer
    variants: tuple[Variant, ...]
    open: str = ""
    device: str = ""

    @property
    def ops(self) -> tuple[str, ...]:
        """None: it is about no op."""
        return ()

    @property
    def rules(self) -> tuple[str, ...]:
        """The one that it steps by."""
        return (self.optimizer.rule,)

    def concerns(self, spec: Spec, optimizer: Optimizer, variant: str) -> bool:
        """Whether a model's own decay and momentum tell a variant from the language's."""
        if optimizer.rule != self.optimizer.rule:
            return False
        own = replace(
            self.optimizer,
            weight_decay=optimizer.weight_decay,
            momentum=optimizer.momentum,
        )
        probe = replace(self, optimizer=own)
        mine, other = (
            probe.due(each)
            for each in self.variants
            if each.name in (variant, self.variants[0].name)
        )
        return apart(mine, other) > NEAR

    def asked(self, backend: Backend, device: str) -> Found:
        """Step a parameter, and compare how far it has moved."""
        graph, settings = line(), Settings(device=device)
        trainer = backend.trainer(graph, self.optimizer, settings)
        trainer.program.load({"w": START})
        for rate, grad in zip(RATES, GRADS, strict=True):
            trainer.set_lr(rate)
            trainer.apply({"w": grad})
        came = [np.asarray(trainer.program.params()["w"]) - START]
        return named(came, {each.name: self.due(each) for each in self.variants})

    def due(self, variant: Variant) -> list[np.ndarray]:
        """How far a variant moves it, in float64."""
        _, right, _ = RULES[self.optimizer.rule]
        rule = variant.gives or right
        param: Any = START.astype(np.float64)
        state = (np.zeros_like(param),) * self.optimizer.slots()
        pairs = zip(RATES, GRADS, strict=True)
        for step, (rate, grad) in enumerate(pairs, start=1):
            now = replace(self.optimizer, lr=rate)
            param, state = rule(param, grad.astype(np.float64), state, step, now)
        return [param - START]

    def excuse(self, backend: Backend, device: str) -> str:
        """None: a rule that is declared absent raises, and is no other meaning."""
        return ""


def line() -> Graph:
    """loss = sum(x w), whose gradients nobody asks for."""
    g = Builder("line")
    w = g.param("w", START.shape, init=("ones", 0.0))
    x = g.input("x", START.shape)
    g.output("loss", (x * w).sum(axis=(0,), keepdims=False))
    return g.finish()

"""Probes of chance: what a backend draws by itself, counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from backends.base import Backend, Settings
from bench.semantics.variants import Found, Variant
from models import Builder, Value
from models.optim import Optimizer
from models.spec import Spec

SEED = 7
Drawn = list[np.ndarray]  # whether something was kept, call by call
# variant -> why it is not that; empty where it may be
Told = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class NoiseProbe:
    """A meaning of what is drawn. A variant gives (generator, shape, rate) -> mask of bools."""

    about: str
    ops: tuple[str, ...]
    layer: Callable[[Value], Value]
    shape: tuple[int, int]  # batch, width
    calls: int
    variants: tuple[Variant, ...]
    judge: Callable[[Drawn], tuple[Told, str]]  # and the test in words, with its bounds
    rules: tuple[str, ...] = ()
    open: str = ""
    device: str = ""
    rows: bool = False  # about masks of whole rows alone

    def concerns(self, spec: Spec, optimizer: Optimizer, variant: str) -> bool:
        """Whether a model draws such masks."""
        drawn = [noise for noise in spec.noise.values() if noise.kind == "bernoulli"]
        masks = [noise.type.shape for noise in drawn]
        whole = [shape for shape in masks if set(shape[1:]) == {1}]
        return bool(whole if self.rows else masks)

    def asked(self, backend: Backend, device: str) -> Found:
        """Draw, and count what is left of ones."""
        settings = Settings(device=device, draw_noise=True, seed=SEED)
        g = Builder("drawn")
        batch, width = self.shape
        g.output("y", self.layer(g.input("x", ("batch", width))))
        program = backend.program(g.finish(), settings)
        program.load({})
        ones = {"x": np.ones((batch, width), np.float32)}
        drawn = [np.asarray(program(ones)["y"]) != 0 for _ in range(self.calls)]
        return self.found(drawn)

    def found(self, drawn: Drawn) -> Found:
        """Which variants may have drawn this."""
        told, test = self.judge(drawn)
        names = tuple(name for name, why in told.items() if not why)
        return Found(names, test if names else f"none of these: {test}")

    def excuse(self, backend: Backend, device: str) -> str:
        """None: no gap speaks of chance."""
        return ""

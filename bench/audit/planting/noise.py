"""Noise drawn by NumPy and fed, where a framework would draw its own.

`Drawing` draws it rightly; a fault overrides what is wrong. So any framework can be made to
draw wrongly, one that leaves it to the harness, too; one that refuses to is of another kind.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any, cast

import numpy as np

from backends.base import (
    Arrays,
    Backend,
    Feeds,
    Program,
    Settings,
    Trainer,
    Unsupported,
)
from bench.audit.planting.proxy import Planting, WrongProgram, WrongTrainer
from models import dims
from models.builder import Builder
from models.graph import Graph, Noise

Shape = tuple[int, ...]
CALLS = "#drawn"  # among a trainer's state


class Drawing:
    """Noise of one program or trainer, call by call; the seed decides it."""

    def __init__(self, graph: Graph, settings: Settings) -> None:
        self.graph = graph
        self.seed = settings.seed
        self.calls = 0

    def all(self, lengths: dict[str, int]) -> dict[str, np.ndarray]:
        """Every noise input of the next call."""
        self.calls += 1
        found = {}
        for name, noise in self.graph.noise.items():
            shape = dims.bind(noise.type.shape, lengths)
            drawn = self.draw(self.stream(name), noise, shape)
            found[name] = np.asarray(drawn, np.float32)
        return found

    def stream(self, name: str) -> np.random.Generator:
        """Random numbers of one noise input in this call, and of nothing else."""
        return np.random.default_rng([self.seed, self.calls, zlib.crc32(name.encode())])

    def draw(self, rng: np.random.Generator, noise: Noise, shape: Shape) -> np.ndarray:
        """One noise input."""
        match noise.kind:
            case "bernoulli":
                return self.mask(rng, noise.number, shape)
            case "normal":
                return rng.normal(0, noise.number, shape)
            case _:
                return rng.uniform(0, noise.number, shape)

    def mask(self, rng: np.random.Generator, kept: float, shape: Shape) -> np.ndarray:
        """Ones where something is kept."""
        return np.asarray(rng.random(shape) < kept)


class _Fed(WrongProgram):
    """A program that is fed its noise, each call anew."""

    drawing: type[Drawing] = Drawing

    def __init__(self, inner: Program, graph: Graph, settings: Settings) -> None:
        super().__init__(inner, graph, settings)
        self.noise = self.drawing(graph, settings)
        self.draws = settings.draw_noise and bool(graph.noise)

    def put(self, arrays: Arrays) -> Feeds:
        """With noise of zeros, which gives way to what is drawn."""
        if not self.draws:
            return cast(Feeds, self.inner.put(arrays))
        shapes = {name: np.shape(arrays[name]) for name in self.graph.inputs}
        lengths = self._lengths(shapes)
        blank = {
            name: np.zeros(dims.bind(noise.type.shape, lengths), np.float32)
            for name, noise in self.graph.noise.items()
        }
        return cast(Feeds, self.inner.put({**arrays, **blank}))

    def run(self, feeds: Feeds) -> Any:
        """On noise of this call."""
        return self.inner.run(self.complete(feeds))

    def complete(self, feeds: Feeds) -> Feeds:
        """Feeds with the noise of the next call."""
        if not self.draws:
            return feeds
        held = {name: self.inner.numpy(feeds[name]) for name in self.graph.inputs}
        lengths = self._lengths({name: array.shape for name, array in held.items()})
        return cast(Feeds, self.inner.put({**held, **self.noise.all(lengths)}))

    def _lengths(self, shapes: dict[str, Shape]) -> dict[str, int]:
        lengths: dict[str, int] = {}
        for name, type_ in self.graph.inputs.items():
            dims.match(type_.shape, shapes[name], lengths)
        return lengths


class _FedTrainer(WrongTrainer):
    """A trainer whose program draws."""

    def __init__(self, inner: Trainer, program: WrongProgram) -> None:
        super().__init__(inner, program)
        self.fed = cast(_Fed, program)

    def step(self, feeds: Feeds) -> Any:
        return self.inner.step(self.fed.complete(feeds))

    def gradients(self, feeds: Feeds) -> Any:
        return self.inner.gradients(self.fed.complete(feeds))

    def state(self) -> Arrays:
        """With how many calls have drawn: a resumed training draws on."""
        return {**self.inner.state(), CALLS: np.array(self.fed.noise.calls)}

    def load_state(self, state: Arrays) -> None:
        rest = dict(state)
        self.fed.noise.calls = int(rest.pop(CALLS))
        self.inner.load_state(rest)


def drawn(drawing: type[Drawing], *, training: type[Drawing] | None = None) -> Planting:
    """A planting whose noise is drawn so; in training otherwise, where that is said."""

    def fed(chosen: type[Drawing]) -> type[_Fed]:
        return type("Fed", (_Fed,), {"drawing": chosen})

    return Planting(
        settings=lambda asked: replace(asked, draw_noise=False),
        program=fed(drawing),
        trained=fed(training or drawing),
        trainer=_FedTrainer,
        draws=True,
    )


def undrawn(backend: Backend) -> str:
    """Why a backend has no noise of its own; empty where it has."""
    builder = Builder("noise")
    x = builder.input("x", ("batch", 2))
    builder.output("y", x.dropout(rate=0.5, name="drop"))
    try:
        backend.program(builder.finish(), Settings(draw_noise=True))
    except Unsupported as error:
        return str(error)
    return ""

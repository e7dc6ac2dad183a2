"""A backend whose noise is drawn wrongly: NumPy draws it, and an honest backend is fed it.

What is drawn and from which stream is a fault's; without one, all is as it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np

from backends.base import Backend, Program, Settings, Trainer
from models import dims
from models.graph import Graph, Noise, Type
from models.optim import Optimizer

Rng = np.random.Generator
Shape = tuple[int, ...]
NEVER_TWICE = count()


def honest(rng: Rng, noise: Noise, shape: Shape) -> np.ndarray:
    match noise.kind:
        case "bernoulli":
            return (rng.random(shape) < noise.number).astype(np.float32)
        case "normal":
            return rng.normal(0, noise.number, shape).astype(np.float32)
    return rng.uniform(0, noise.number, shape).astype(np.float32)


def from_seed_call_and_node(seed: int, call: int, node: int) -> Sequence[int]:
    return seed, call, node


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong, and with which noise: of a kind and shape, in calls or in training."""

    draw: Callable[[Rng, Noise, Shape], np.ndarray] = honest
    stream: Callable[[int, int, int], Sequence[int]] = from_seed_call_and_node
    whole: bool = False  # every entry is drawn where whole rows were asked for
    forgets: bool = False  # a loaded state leaves the stream where it is
    two: bool = False  # the loss is that of one draw, the gradient of another
    where: str = "program step gradients"
    hits: Callable[[Noise], bool] = lambda noise: True


class Drawing:
    """Noise of a graph, call by call."""

    def __init__(self, graph: Graph, seed: int, fault: Fault) -> None:
        self.graph = graph
        self.seed = seed
        self.fault = fault
        self.calls = 0

    def complete(self, feeds: Mapping[str, Any], source: str) -> dict[str, Any]:
        lengths: dict[str, int] = {}
        for name, type_ in self.graph.inputs.items():
            dims.match(type_.shape, np.shape(feeds[name]), lengths)
        drawn = dict(feeds)
        for node, (name, noise) in enumerate(self.graph.noise.items()):
            wrong = source in self.fault.where and self.fault.hits(noise)
            fault = self.fault if wrong else Fault()
            entropy = fault.stream(self.seed, self.calls, node)
            shape = dims.bind(noise.type.shape, lengths)
            drawn[name] = fault.draw(np.random.default_rng([*entropy]), noise, shape)
        self.calls += 1
        return drawn


class WrongProgram:
    """Feeds are arrays until a call: the noise joins them there."""

    def __init__(self, inner: Program, drawing: Drawing) -> None:
        self.inner = inner
        self.drawing = drawing

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def put(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: arrays[name] for name in self.drawing.graph.inputs}

    def run(self, feeds: Mapping[str, np.ndarray]) -> dict[str, Any]:
        return self.inner.run(self.fed(feeds, "program"))

    def __call__(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        outputs = self.run(self.put(arrays))
        return {name: self.inner.numpy(value) for name, value in outputs.items()}

    def fed(self, feeds: Mapping[str, np.ndarray], source: str) -> Mapping[str, Any]:
        return self.inner.put(self.drawing.complete(feeds, source))


class WrongTrainer:
    """Steps and gradients draw from one stream."""

    def __init__(self, inner: Trainer, program: WrongProgram) -> None:
        self.inner = inner
        self.program = program

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def gradients(self, feeds: Mapping[str, np.ndarray]) -> tuple[float, Any]:
        loss, grads = self.inner.gradients(self.program.fed(feeds, "gradients"))
        if self._parted("gradients"):
            loss, _ = self.inner.gradients(self.program.fed(feeds, "gradients"))
        return loss, grads

    def step(self, feeds: Mapping[str, np.ndarray]) -> Any:
        if not self._parted("step"):
            return self.inner.step(self.program.fed(feeds, "step"))
        loss, _ = self.inner.gradients(self.program.fed(feeds, "step"))
        self.inner.step(self.program.fed(feeds, "step"))
        return loss

    def state(self) -> dict[str, np.ndarray]:
        return {**self.inner.state(), "#calls": np.array(self.program.drawing.calls)}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        left = {name: array for name, array in state.items() if name != "#calls"}
        self.inner.load_state(left)
        if not self.program.drawing.fault.forgets:
            self.program.drawing.calls = int(state["#calls"])

    def _parted(self, source: str) -> bool:
        fault = self.program.drawing.fault
        return fault.two and source in fault.where


class WrongBackend:
    """Another backend, but that it draws its noise by a fault."""

    def __init__(self, inner: Backend, fault: Fault) -> None:
        self.inner = inner
        self.fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def program(self, graph: Graph, settings: Settings) -> Any:
        if not settings.draw_noise:
            return self.inner.program(graph, settings)
        graph = self._asked(graph)
        fed = self.inner.program(graph, replace(settings, draw_noise=False))
        return WrongProgram(fed, Drawing(graph, settings.seed, self.fault))

    def trainer(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> Any:
        if not settings.draw_noise:
            return self.inner.trainer(graph, optimizer, settings)
        graph = self._asked(graph)
        fed = replace(settings, draw_noise=False)
        inner = self.inner.trainer(graph, optimizer, fed)
        drawing = Drawing(graph, settings.seed, self.fault)
        return WrongTrainer(inner, WrongProgram(inner.program, drawing))

    def _asked(self, graph: Graph) -> Graph:
        """The graph, whose masks are as large as what they meet where the fault says so."""
        if not self.fault.whole:
            return graph
        met = {
            str(node.inputs[1]): graph.types[str(node.inputs[0])]
            for node in graph.nodes
            if node.op == "dropout"
        }
        noise = {
            name: replace(one, type=met.get(name, Type(one.type.shape)))
            for name, one in graph.noise.items()
        }
        return replace(graph, noise=noise)

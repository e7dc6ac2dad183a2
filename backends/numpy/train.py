"""Training without autograd: forward and backward as one graph, then the written rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from backends.base import Arrays, Feeds, Settings, Trainer
from backends.mean import mean
from backends.numpy.program import NumpyProgram
from backends.slots import STEPS, whole
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.optim import Optimizer
from models.stepping import slot


class NumpyTrainer(Trainer):
    """The definition of a training step."""

    def __init__(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> None:
        self.program: NumpyProgram = NumpyProgram(_gradient(graph), settings)
        self.optimizer = optimizer
        self._state: dict[str, tuple[np.ndarray, ...]] = {}
        self._steps = 0

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients; running statistics move."""
        outputs = self.program.run(feeds)
        trained = self.program.graph.trainable()
        grads = {name: np.asarray(outputs[PREFIX + name]) for name in trained}
        return float(outputs["loss"]), grads

    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One step of the rule on every trained parameter."""
        loss, grads = mean(self, (feeds, *more))
        self.apply(grads)
        return loss

    def apply(self, grads: Arrays) -> None:
        """The rule, parameter by parameter."""
        params = self.program.params()
        self._steps += 1  # before: the first step is number 1 in the rules
        slots = range(self.optimizer.slots())
        for name, grad in self.optimizer.clipped(grads).items():
            empty = tuple(np.zeros_like(params[name]) for _ in slots)
            held = self._state.get(name, empty)
            rule = self.optimizer.of(name)
            new, moved = rule.update(params[name], grad, held, self._steps)
            params[name], self._state[name] = new, moved
        self.program.load(params)

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        self.optimizer = replace(self.optimizer, lr=lr)

    def state(self) -> dict[str, np.ndarray]:
        """As `backends/slots.py` has it."""
        found = {STEPS: np.array(self._steps)}
        for name, arrays in self._state.items():
            for i, array in enumerate(arrays):
                found[slot(name, i)] = array
        return found

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave."""
        params = self.program.params()
        names = self.program.graph.trainable()
        shapes = {name: params[name].shape for name in names}
        found = whole(state, shapes, self.optimizer)
        self._steps = int(found[STEPS])
        slots = range(self.optimizer.slots())
        self._state = {
            name: tuple(found[slot(name, i)] for i in slots) for name in names
        }


_KEPT: dict[
    str, tuple[Graph, Graph]
] = {}  # the graph that was asked last, and its gradient


def _gradient(graph: Graph) -> Graph:
    """The gradient graph; the oracle is asked for the same one in several precisions."""
    asked, found = _KEPT.get("last", (None, None))
    if asked is not graph or found is None:
        found = gradient(graph)
        _KEPT["last"] = graph, found
    return found

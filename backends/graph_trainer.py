"""Training without autograd: the gradient graph in the framework, the written rule in NumPy.

A framework that runs graphs trains by this at once: the gradient graph is a graph like any
other, and no part of the rule is the framework's. One that differentiates, and has no
optimizers, says how in `RuleTrainer.gradients`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np

from backends.mean import mean
from backends.program import Arrays, Breach, Feeds, Program, Trainer
from backends.slots import STEPS, whole
from models.dims import Shape
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.optim import Optimizer
from models.stepping import slot


class RuleTrainer(Trainer):
    """Gradients by whoever has them; the optimizer by its rule in NumPy.

    Weights come out of the program and go back into it at each step. The program's graph, or
    one with more outputs, is the one that is trained.
    """

    def __init__(self, program: Program, optimizer: Optimizer) -> None:
        self.program = program
        self.optimizer = optimizer
        self._steps = 0
        self._slots: dict[str, np.ndarray] = {}

    @abstractmethod
    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss, and its gradient in every trained parameter; running statistics move."""

    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One step of the rule on every trained parameter."""
        loss, grads = mean(self, (feeds, *more))
        self.apply(grads)
        return loss

    def apply(self, grads: Arrays) -> None:
        """The rule, parameter by parameter."""
        params = self.program.params()
        self._steps += 1  # before: the first step is number 1 in the rules
        for name, grad in self.optimizer.clipped(grads).items():
            param = params[name]
            params[name] = self._moved(name, param, np.asarray(grad, param.dtype))
        self.program.load(params)

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        self.optimizer = replace(self.optimizer, lr=lr)

    def state(self) -> dict[str, np.ndarray]:
        """As `backends/slots.py` has it."""
        return {STEPS: np.array(self._steps), **self._slots}

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave."""
        params = self.program.params()
        names = self.program.graph.trainable()
        shapes = {name: params[name].shape for name in names}
        found = whole(state, shapes, self.optimizer)
        self._steps = int(found.pop(STEPS))
        self._slots = found

    def _moved(self, name: str, param: np.ndarray, grad: np.ndarray) -> np.ndarray:
        """A parameter after one step of the rule; its slots move."""
        names = [slot(name, i) for i in range(self.optimizer.slots())]
        held = tuple(self._slots.get(one, np.zeros_like(param)) for one in names)
        rule = self.optimizer.of(name)
        new, moved = rule.update(param, grad, held, self._steps)
        # a rate that is a NumPy number of float64 would make float64 of all
        for one, array in zip(names, moved, strict=True):
            self._slots[one] = np.asarray(array, param.dtype)
        return np.asarray(new, param.dtype)


class GraphTrainer(RuleTrainer):
    """Steps a program that realises the gradient graph, `differentiated(graph)`."""

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients, both outputs of the graph."""
        outputs = self.program.run(feeds)
        grads = {}
        for name in self.program.graph.trainable():
            due = self.program.graph.params[name].type.shape
            title = f"gradient {name}"
            grads[name] = self._array(outputs[PREFIX + name], due, title)
        return float(self._array(outputs["loss"], (), "the loss")), grads

    def _array(self, value: Any, due: Shape, title: str) -> np.ndarray:
        """Raises Breach for another shape, which the rule would broadcast in silence."""
        array = self.program.numpy(value)
        if array.shape != due:
            raise Breach(
                f"{self.program.title}.numpy gave shape {array.shape} for"
                f" {title}; {due} was due"
            )
        return array


# the graph that was asked last, and its gradient
_KEPT: dict[str, tuple[Graph, Graph]] = {}


def differentiated(graph: Graph) -> Graph:
    """The gradient graph; ladders ask for the same one in several precisions and steps."""
    asked, found = _KEPT.get("last", (None, None))
    if asked is not graph or found is None:
        found = gradient(graph)
        _KEPT["last"] = graph, found
    return found

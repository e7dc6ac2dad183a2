"""Training without autograd: a step is one ONNX graph, with state in and state out.

It holds the forward pass, the gradient graph and the optimizer's rule, all in plain ops.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import onnx
from onnxruntime import OrtValue

from backends.base import Arrays, Feeds, Trainer
from backends.mean import mean
from backends.onnx.model import model
from backends.onnx.program import OnnxProgram
from backends.onnx.session import Session
from backends.onnx.writer import NEXT
from backends.slots import STEPS, whole
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.optim import Optimizer
from models.stepping import LR, STEP, slot, step_graph, update_graph


class OnnxTrainer(Trainer):
    """`native` is the whole step as a ModelProto.

    Parameters live in the program, slots here, both as OrtValues on the device.
    """

    def __init__(self, program: OnnxProgram, optimizer: Optimizer) -> None:
        self.program: OnnxProgram = program
        self.optimizer = optimizer
        self.steps = 0
        params = program.params()
        empty = {}
        for name in program.graph.trainable():
            for i in range(optimizer.slots()):
                empty[slot(name, i)] = np.zeros_like(params[name])
        self.slots = program.place(empty)

    @cached_property
    def native(self) -> onnx.ModelProto:
        """One training step: `next/NAME` replaces NAME."""
        return self._model(step_graph(self.program.graph, self.optimizer))

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients; running statistics move."""
        results = self._run(self._gradient, self.program.complete(feeds))
        grads = {}
        for name in self.program.graph.trainable():
            grads[name] = self.program.numpy(results[PREFIX + name])
        return float(results["loss"].numpy()), grads

    def apply(self, grads: Arrays) -> None:
        """The rule on given gradients."""
        self.steps += 1
        named = {PREFIX + name: grad for name, grad in grads.items()}
        self._run(self._rule, {**self.program.place(named), **self._clock()})

    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One run of the step graph, or one of the gradients for each batch; the loss."""
        # a resumed run draws what it would have drawn: the call number is that of the batch
        self.program.noise.calls = self.steps * (1 + len(more))
        if more:
            loss, grads = mean(self, (feeds, *more))
            self.apply(grads)
            return np.float32(loss)
        self.steps += 1
        complete = self.program.complete(feeds)
        results = self._run(self._step, {**complete, **self._clock()})
        return self.program.numpy(results["loss"])

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        self.optimizer = replace(self.optimizer, lr=lr)

    def state(self) -> dict[str, np.ndarray]:
        """As `backends/slots.py` has it: the graph's slots are those of the rule."""
        slots = {name: self.program.numpy(value) for name, value in self.slots.items()}
        return {**slots, STEPS: np.array(self.steps)}

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave."""
        params = self.program.params()
        names = self.program.graph.trainable()
        shapes = {name: params[name].shape for name in names}
        found = whole(state, shapes, self.optimizer)
        self.steps = int(found[STEPS])
        self.slots = self.program.place({name: found[name] for name in self.slots})

    # each session is made when it is first asked for: a training run needs one of the three
    @cached_property
    def _step(self) -> Session:
        return self.program.open(self.native)

    @cached_property
    def _gradient(self) -> Session:
        return self.program.open(self._model(gradient(self.program.graph)))

    @cached_property
    def _rule(self) -> Session:
        graph = update_graph(self.program.graph, self.optimizer)
        return self.program.open(self._model(graph))

    def _model(self, graph: Graph) -> onnx.ModelProto:
        # all parameters as inputs: stored ones could not move
        return model(graph, {}, opset=self.program.opset, fed=graph.params)

    def _clock(self) -> dict[str, OrtValue]:
        clock = {LR: np.array(self.optimizer.lr), STEP: np.array(self.steps, np.int64)}
        return self.program.place(clock)

    def _run(self, session: Session, feeds: Feeds) -> dict[str, OrtValue]:
        """Run on parameters, slots and feeds; new state replaces the old where it lies."""
        results = session({**self.program.values, **self.slots, **feeds})
        for held in (self.program.values, self.slots):
            for name in held:
                # gradients move statistics alone, a step moves everything
                held[name] = results.get(NEXT + name, held[name])
        return results

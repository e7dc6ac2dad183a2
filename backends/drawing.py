"""Noise for frameworks that draw none: NumPy draws it, and each call is fed it.

What is fed goes to the framework at each call, the inputs with it: a framework that draws on
its device saves that, and says so by `Backend.draws_noise`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from backends.noise import Noise
from backends.program import Arrays, Feeds, Program, Trainer

CALLS = "#noise calls"  # in a trainer's state: a resumed training draws on


class DrawingProgram(Program):
    """A program that is fed its noise, with noise that is drawn at each call."""

    def __init__(self, inner: Program, seed: int) -> None:
        self.inner = inner
        self.graph = inner.graph
        self.noise = Noise(inner.graph, seed)

    @property
    def native(self) -> Any:  # type: ignore[override]
        """The framework's own object, which is fed its noise."""
        return self.inner.native

    def load(self, params: Arrays) -> None:
        """Take weights and state."""
        self.inner.load(params)

    def params(self) -> dict[str, np.ndarray]:
        """Weights and state."""
        return self.inner.params()

    def put(self, arrays: Arrays) -> Feeds:
        """Inputs as they came: they are put with the noise of a call."""
        return {name: np.asarray(arrays[name]) for name in self.graph.inputs}

    def complete(self, feeds: Feeds) -> Feeds:
        """Inputs and the noise of the next call, native."""
        shapes = {name: feeds[name].shape for name in self.graph.inputs}
        return self.inner.put({**feeds, **self.noise.draw(shapes)})

    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs, native."""
        return self.inner.run(self.complete(feeds))

    def numpy(self, value: Any) -> np.ndarray:
        """One native tensor as an array."""
        return self.inner.numpy(value)

    def weights(self) -> Any:
        """Weights and state, native."""
        return self.inner.weights()

    def device_of(self, value: Any) -> str:
        """As the framework says."""
        return self.inner.device_of(value)


class DrawingTrainer(Trainer):
    """A trainer that is fed its noise, with noise that is drawn at each call."""

    def __init__(self, inner: Trainer, seed: int) -> None:
        self.inner = inner
        self.program: DrawingProgram = DrawingProgram(inner.program, seed)

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients on the noise of this call."""
        return self.inner.gradients(self.program.complete(feeds))

    def apply(self, grads: Arrays) -> None:
        """The optimizer alone, which draws nothing."""
        self.inner.apply(grads)

    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One step; each of its batches has noise of its own."""
        complete = [self.program.complete(each) for each in (feeds, *more)]
        return self.inner.step(*complete)

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        self.inner.set_lr(lr)

    def state(self) -> dict[str, np.ndarray]:
        """The optimizer's state, and how many calls have drawn."""
        return {**self.inner.state(), CALLS: np.array(self.program.noise.calls)}

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave; of another framework, whose noise stands elsewhere, too."""
        rest = dict(state)
        calls = rest.pop(CALLS, None)
        self.inner.load_state(rest)
        if calls is not None:
            self.program.noise.calls = int(calls)

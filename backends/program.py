"""What a program and a trainer are: a graph in a framework, and how it is stepped.

Arrays cross this border as NumPy; `put` moves them once, so that timing sees native tensors
only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import PosePortError
from models.graph import Graph

Arrays = Mapping[str, np.ndarray]
Feeds = Mapping[str, Any]  # native tensors on the device, by input and noise name


class Unsupported(PosePortError):
    """The framework cannot do this; the text says why.

    The cell becomes `unsupported`, not `failed`.
    """


class Breach(PosePortError):
    """A backend broke the contract; the text says by which method, and how."""


@dataclass(frozen=True)
class Format:
    """A file format that a backend writes. Manifests list theirs as `EXPORTS`, by name."""

    suffix: str  # of the file; empty where it is a folder
    options: tuple[str, ...] = ()  # what `Portable.export` takes for it


@dataclass(frozen=True)
class Settings:
    """How a graph is to run."""

    device: str = "cpu"
    # fp64 where the backend is an oracle; bf16 and fp16 mean autocast with float32 weights
    precision: str = "fp32"
    # None: the framework's customary way; False: op by op; True: by the framework's compiler.
    # `Backend.modes` says which of them differ
    compiled: bool | None = None
    draw_noise: bool = False  # noise is drawn by the framework instead of fed
    seed: int = 0  # of the noise that is drawn
    replicas: int = 1  # of a trainer: each takes an equal share of every batch
    recompute: bool = False  # values of the forward pass are made again on the way back


class Program(ABC):
    """A graph as the framework's own object. `native` is what a user takes away.

    What enters is cast to the type that the graph declares; what leaves has that type, or
    float32 where autocast was asked for. bfloat16 is `ml_dtypes.bfloat16` in NumPy.
    """

    native: Any
    graph: Graph

    @property
    def title(self) -> str:
        """Its class, as a breach names it; that of one that is watched, too."""
        return type(self).__name__

    @abstractmethod
    def load(self, params: Arrays) -> None:
        """Take weights and state, by parameter name."""

    @abstractmethod
    def params(self) -> dict[str, np.ndarray]:
        """Weights and state as they are now."""

    @abstractmethod
    def put(self, arrays: Arrays) -> Feeds:
        """Inputs (and noise) as native tensors on the device."""

    @abstractmethod
    def run(self, feeds: Feeds) -> dict[str, Any]:
        """Outputs by name, native. State updates take effect."""

    @abstractmethod
    def numpy(self, value: Any) -> np.ndarray:
        """One native tensor as an array."""

    def weights(self) -> Mapping[str, Any]:
        """Weights and state as native tensors; none where the framework hides them."""
        return {}

    def device_of(self, value: Any) -> str:
        """Kind of device (cpu, cuda, mps) that a native tensor lies on.

        As the framework says, not as was asked; empty where it does not say.
        """
        return ""

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Run on arrays, get arrays."""
        outputs = self.run(self.put(arrays))
        return {name: self.numpy(value) for name, value in outputs.items()}


class Portable(Program):
    """A program that can leave as a file, in the formats of its manifest."""

    @abstractmethod
    def export(
        self,
        path: Path,
        format: str,
        *,
        sample: Arrays,
        about: str,
        **options: Any,
    ) -> None:
        """Write the native object and its weights to `path`, where nothing is yet.

        Symbolic axes stay open. `sample` holds feeds as they may come, for frameworks that
        trace; `about` is JSON that the file is to carry, for whoever reads it; `options` those
        that the format names. Raises BadInput for an option's value
        that does not exist here, Unsupported where the framework cannot write this graph.
        """

    @abstractmethod
    def reopen(
        self,
        path: Path,
        format: str,
    ) -> Callable[[Arrays], dict[str, np.ndarray]]:
        """What such a file computes, read as its users read it.

        The function takes feeds and gives outputs, both by name.
        """


class Trainer(ABC):
    """Steps a train graph: the program holds the weights, this the optimizer's state."""

    program: Program

    @abstractmethod
    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss, and its gradient in every trained parameter.

        State updates take effect, weights stay.
        """

    @abstractmethod
    def apply(self, grads: Arrays) -> None:
        """One optimizer step on gradients given by name: the optimizer alone, which clips."""

    @abstractmethod
    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One optimizer step on the gradients of a batch; of several, on their mean.

        Returns the loss, native, without waiting for it.
        """

    @abstractmethod
    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Optimizer state, for a checkpoint."""

    @abstractmethod
    def load_state(self, state: Arrays) -> None:
        """Take optimizer state from a checkpoint."""

"""What a backend is. A framework comes under test by giving these three classes; nothing outside its folder asks which one it is.

    Backend   names its kernels and gaps, says which devices and precisions it has, makes Programs and Trainers
    Program   a graph realised as the framework's native object, with weights loaded
    Trainer   native autograd and native optimizer over a train graph

Arrays cross this border as NumPy; `put` moves them once, so that timing sees native tensors only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.errors import PosePortError
from models.graph import Graph
from models.optim import Optimizer

Arrays = Mapping[str, np.ndarray]
Feeds = Mapping[str, Any]  # native tensors on the device, by input and noise name


class Unsupported(PosePortError):
    """The framework cannot do this; the text says why. The cell becomes `unsupported`, not `failed`."""


@dataclass(frozen=True)
class Settings:
    """How a graph is to run. `draw_noise`: noise nodes are drawn by the framework instead of fed."""

    device: str = "cpu"
    precision: str = "fp32"  # fp64 where the backend is an oracle; bf16 and fp16 mean autocast with float32 weights
    compiled: bool = False
    draw_noise: bool = False
    seed: int = 0


class Program(ABC):
    """A graph as the framework's own object. `native` is what a user takes away."""

    native: Any
    graph: Graph

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

    def __call__(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Run on arrays, get arrays."""
        return {name: self.numpy(value) for name, value in self.run(self.put(arrays)).items()}


class Trainer(ABC):
    """Steps a train graph. The program holds the weights, the trainer the optimizer's state."""

    program: Program

    @abstractmethod
    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss, and its gradient in every trained parameter; state updates take effect, weights stay."""

    @abstractmethod
    def apply(self, grads: Arrays) -> None:
        """One optimizer step on gradients given by name: the optimizer alone."""

    @abstractmethod
    def step(self, feeds: Feeds) -> Any:
        """One optimizer step; returns the loss, native, without waiting for it."""

    @abstractmethod
    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """Optimizer state, for a checkpoint."""

    @abstractmethod
    def load_state(self, state: Arrays) -> None:
        """Take optimizer state from a checkpoint."""


class Backend(ABC):
    """One framework."""

    name: str
    kernels: Mapping[str, Callable[..., Any]]  # ops run natively; compositions that are missing run by their bodies
    gaps: Mapping[str, str]  # op -> why the framework cannot

    @abstractmethod
    def devices(self) -> dict[str, str]:
        """Device kinds (cpu, cuda, mps) -> "" where usable here, else why not."""

    @abstractmethod
    def precisions(self, device: str) -> dict[str, str]:
        """Precisions -> "" where usable on `device`, else why not."""

    @abstractmethod
    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph. Raises Unsupported with the reason."""

    @abstractmethod
    def trainer(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> Trainer:
        """Realise a train graph with an optimizer. Raises Unsupported with the reason."""

    @abstractmethod
    def synchronize(self, device: str) -> None:
        """Wait until the device has finished."""

    @abstractmethod
    def peak_memory(self, device: str) -> int | None:
        """Largest memory in use on the device since start, bytes; None where the framework does not say."""

    @abstractmethod
    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """Fix threads and reduced-precision shortcuts (TF32, fast math) for measuring; returns what was set."""

    @abstractmethod
    def features(self) -> dict[str, str]:
        """What else the framework offers a port: feature -> "yes" or why not."""

    def device(self, asked: str) -> str:
        """`auto` becomes the fastest usable device. Raises Unsupported where the one asked for is not usable."""
        usable = self.devices()
        if asked == "auto":
            return next(kind for kind in ("cuda", "mps", "cpu") if usable.get(kind) == "")
        if usable.get(asked, "unknown device kind") != "":
            raise Unsupported(f"{self.name}: device {asked} is not usable here: {usable.get(asked, 'unknown device kind')}")
        return asked


def missing_ops(backend: Backend, graph: Graph) -> dict[str, str]:
    """Ops of `graph` (after decomposition) that the backend cannot run -> reason."""
    from models.passes import decompose

    left = decompose(graph, has=backend.kernels).census()
    return {op: backend.gaps.get(op, "no kernel and no body") for op in left if op not in backend.kernels}

"""What a backend is.

A framework comes under test by giving these three classes; nothing outside its folder asks
which one it is.

    Backend   names its kernels and gaps, says which devices and precisions it has, makes
              Programs and Trainers
    Program   a graph realised as the framework's native object, with weights loaded; a
              Portable one can leave as a file
    Trainer   native autograd and native optimizer over a train graph

Arrays cross this border as NumPy; `put` moves them once, so that timing sees native tensors
only.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models import ops
from models.errors import PosePortError
from models.graph import Graph
from models.optim import Optimizer
from models.passes import decompose

Arrays = Mapping[str, np.ndarray]
Feeds = Mapping[str, Any]  # native tensors on the device, by input and noise name
FASTEST_FIRST = ("cuda", "mps", "cpu")
# Environment variable of a folder that goes with the process: for what a framework compiles.
SCRATCH = "POSEPORT_SCRATCH"


class Unsupported(PosePortError):
    """The framework cannot do this; the text says why.

    The cell becomes `unsupported`, not `failed`.
    """


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
    recompute: bool = False  # values of the forward pass are made again on the way back


@dataclass(frozen=True)
class Gap:
    """A question of the op exam that the framework is known to answer wrongly.

    It is asked all the same, and a gap that passes is a failure: so the list stays true when
    the framework is mended. Empty fields fit everything.
    """

    op: str  # one op, or several with spaces between them
    reason: str
    dtype: str = ""
    mode: str = ""  # a key of `Backend.modes`
    # shape, dtype, value, bias, gradient or kernel; a program that raises has failed `value`
    question: str = "value"
    case: str = ""  # regular expression found in the case, as the exam writes it down
    device: str = ""  # cpu, cuda or mps
    # whether other processors, or the compiler, may have it right, which is no failure then
    varies: bool = False

    def fits(
        self,
        *,
        op: str,
        dtype: str,
        mode: str,
        question: str,
        case: str,
        device: str,
    ) -> bool:
        """Whether this is what the gap is about."""
        named = not self.op or op in self.op.split()
        pairs = (
            (self.dtype, dtype),
            (self.mode, mode),
            (self.question, question),
            (self.device, device),
        )
        exact = all(mine in ("", asked) for mine, asked in pairs)
        # the empty expression is found in every case
        return named and exact and re.search(self.case, case) is not None


class Program(ABC):
    """A graph as the framework's own object. `native` is what a user takes away.

    What enters is cast to the type that the graph declares; what leaves has that type, or
    float32 where autocast was asked for. bfloat16 is `ml_dtypes.bfloat16` in NumPy.
    """

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


class Backend(ABC):
    """One framework."""

    name: str
    # ops run natively; compositions that are missing run by their bodies
    kernels: Mapping[str, Callable[..., Any]]
    gaps: Mapping[str, str]  # op -> why the framework cannot
    part_gaps: tuple[Gap, ...] = ()  # what it cannot in some type, mode or case
    # eager, graph, compiled -> `Settings.compiled`; those that differ, customary first
    modes: Mapping[str, bool | None] = {"eager": None}
    # why values are not made again on the way back; "" where `Settings.recompute` is followed
    keeps: str = (
        "gradients read what the forward pass has kept, and nothing is made again"
    )

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
    def trainer(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> Trainer:
        """Realise a train graph with an optimizer. Raises Unsupported with the reason."""

    @abstractmethod
    def synchronize(self, device: str) -> None:
        """Wait until the device has finished."""

    @abstractmethod
    def peak_memory(self, device: str) -> int | None:
        """Largest memory in use on the device since start, bytes.

        None where the framework does not say.
        """

    @abstractmethod
    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """Fix threads for measuring.

        Returns what is set, of reduced precision (TF32, fast math) too: that is off from the
        time the backend is made, or fp32 would mean less on a GPU.
        """

    def editions(self) -> Mapping[str, Backend]:
        """Itself as it writes ops otherwise, by the name of the edition: ONNX in other opsets.

        The op exam puts a case of each op to every one of them.
        """
        return {}

    def repeats(self, device: str) -> str:
        """Empty where the same call gives the same bits on `device`, else why not."""
        if device == "cpu":
            return ""
        return "kernels of an accelerator may add in the order in which they finish"

    @abstractmethod
    def features(self) -> dict[str, str]:
        """What else the framework offers a port: feature -> "yes" or why not."""

    def device(self, asked: str) -> str:
        """`auto` becomes the fastest usable device.

        Raises Unsupported where the one asked for is not usable.
        """
        usable = self.devices()
        if asked == "auto":
            here = [kind for kind in FASTEST_FIRST if usable.get(kind) == ""]
            if not here:
                said = ", ".join(f"{kind}: {reason}" for kind, reason in usable.items())
                raise Unsupported(f"{self.name}: no device is usable here: {said}")
            return here[0]
        if reason := usable.get(asked, "unknown device kind"):
            raise Unsupported(
                f"{self.name}: device {asked} is not usable here: {reason}"
            )
        return asked

    def checked(self, settings: Settings) -> Settings:
        """The settings as they came, for `program` and `trainer` to build on.

        Raises Unsupported where their device, precision or recomputation is not here.
        """
        self.device(settings.device)
        known = self.precisions(settings.device)
        if reason := known.get(settings.precision, "no such precision"):
            raise Unsupported(
                f"{self.name} on {settings.device}: {settings.precision}: {reason}"
            )
        if settings.recompute and self.keeps:
            raise Unsupported(f"{self.name}: gradient checkpointing: {self.keeps}")
        return settings


def missing_ops(
    backend: Backend, graph: Graph, *, by_body: bool = False
) -> dict[str, str]:
    """Ops of `graph` that the backend cannot run, neither by kernel nor by body -> reason.

    Of a composition, the reason names what its body needs and the backend lacks. With `by_body`
    the kernels of compositions do not count: what is then missing runs by its kernel alone.
    """
    kernels = set(backend.kernels)
    if by_body:
        kernels = {name for name in kernels if ops.get(name).body is None}
    left = decompose(graph, has=kernels).census()
    lacking = {name for name in left if name not in kernels}
    if not lacking:
        return {}
    reasons = {name: backend.gaps.get(name, "no kernel") for name in lacking}
    found = {}
    for name in graph.census():
        if name in lacking:
            found[name] = reasons[name]
        elif name not in kernels and (needed := _needed(graph, name, kernels)):
            told = ", ".join(f"{inner}: {reasons[inner]}" for inner in sorted(needed))
            found[name] = f"its body needs {told}"
    return found


def _needed(graph: Graph, name: str, kernels: Container[str]) -> set[str]:
    """What the body of an op needs and is no kernel, as the graph uses the op."""
    # by its body for once, all others as they are
    opened = decompose(graph, has=ops.table().keys() - {name})
    found = set()
    for inner, count in opened.census().items():
        if count <= graph.census().get(inner, 0) or inner in kernels:
            continue
        if ops.get(inner).body is None:
            found.add(inner)
        else:
            found |= _needed(opened, inner, kernels)
    return found


def peak_resident_bytes() -> int:
    """The most memory that this process has held since it started."""
    import resource  # not on Windows, where the rest of this module is of use all the same

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux kilobytes, under the same name
    return held if sys.platform == "darwin" else held * 1024

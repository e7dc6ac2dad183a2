"""What a backend is.

A framework comes under test by giving these three classes; nothing outside its folder asks
which one it is.

    Backend   names its kernels and gaps, says which devices and precisions it has, makes
              Programs and Trainers
    Program   a graph realised as the framework's native object, with weights loaded; a
              Portable one can leave as a file
    Trainer   native autograd and native optimizer over a train graph

One method alone has to be written, `Backend.program`. All others have an answer here that holds
for a framework which computes on the CPU, in float32, and differentiates nothing.
"""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from backends.captured import by_shapes as by_shapes
from backends.captured import each as each
from backends.drawing import DrawingProgram as DrawingProgram
from backends.drawing import DrawingTrainer as DrawingTrainer
from backends.eager import EagerProgram as EagerProgram
from backends.eager import TapeTrainer as TapeTrainer
from backends.graph_trainer import GraphTrainer as GraphTrainer
from backends.graph_trainer import RuleTrainer as RuleTrainer
from backends.graph_trainer import differentiated
from backends.program import Arrays as Arrays
from backends.program import Breach as Breach
from backends.program import Feeds as Feeds
from backends.program import Format as Format
from backends.program import Portable as Portable
from backends.program import Program as Program
from backends.program import Settings as Settings
from backends.program import Trainer as Trainer
from backends.program import Unsupported as Unsupported
from models import opening, ops
from models.graph import Graph
from models.optim import RULES, Optimizer

FASTEST_FIRST = ("cuda", "mps", "cpu")
# Environment variable of a folder that goes with the process: for what a framework compiles.
SCRATCH = "POSEPORT_SCRATCH"
STATUS = Path("/proc/self/status")  # where Linux says what this process has held


@dataclass(frozen=True)
class Gap:
    """A question of the op exam that the framework is known to answer wrongly.

    It is asked all the same, and a gap that passes is a failure: so the list stays true when
    the framework is mended. Empty fields fit everything.
    """

    op: str  # one op, or several with spaces between them
    reason: str
    dtype: str = ""  # one, or several with spaces between them
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
        typed = not self.dtype or dtype in self.dtype.split()
        pairs = (
            (self.mode, mode),
            (self.question, question),
            (self.device, device),
        )
        exact = all(mine in ("", asked) for mine, asked in pairs)
        # the empty expression is found in every case
        return named and typed and exact and re.search(self.case, case) is not None


class Backend(ABC):
    """One framework."""

    name: str
    # ops run natively; compositions that are missing run by their bodies
    kernels: Mapping[str, Callable[..., Any]]
    gaps: Mapping[str, str] = {}  # op -> why the framework cannot
    part_gaps: tuple[Gap, ...] = ()  # what it cannot in some type, mode or case
    # eager, graph, compiled -> `Settings.compiled`; those that differ, customary first
    modes: Mapping[str, bool | None] = {"eager": None}
    # whether programs and trainers see to `Settings.draw_noise`; else NumPy draws, and they
    # are never asked to
    draws_noise: bool = False
    # why values are not made again on the way back; "" where `Settings.recompute` is followed
    keeps: str = (
        "gradients read what the forward pass has kept, and nothing is made again"
    )

    @abstractmethod
    def program(self, graph: Graph, settings: Settings) -> Program:
        """Realise a graph. Raises Unsupported with the reason."""

    def trainer(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> Trainer:
        """Realise a train graph with an optimizer. Raises Unsupported with the reason.

        Without one of its own: the gradient graph as a program, and the rule in NumPy.
        """
        fed = replace(settings, draw_noise=False)
        program = self.program(differentiated(graph), fed)
        made = GraphTrainer(program, optimizer)
        draws = settings.draw_noise and graph.noise
        return DrawingTrainer(made, settings.seed) if draws else made

    def optimizers(self) -> dict[str, str]:
        """Rules of `models.optim` -> "" where `trainer` has it, else why not."""
        return dict.fromkeys(RULES, "")

    def devices(self) -> dict[str, str]:
        """Device kinds (cpu, cuda, mps) -> "" where usable here, else why not."""
        return {"cpu": ""}

    def precisions(self, device: str) -> dict[str, str]:
        """Precisions -> "" where usable on `device`, else why not."""
        reason = f"backend {self.name} declares no precision but fp32"
        return {"fp32": "", **dict.fromkeys(("bf16", "fp16", "fp64"), reason)}

    def synchronize(self, device: str) -> None:  # noqa: B027  # nothing to do is an answer
        """Wait until the device has finished; what computes on the CPU has when it returns."""

    def peak_memory(self, device: str) -> int | None:
        """Largest memory in use on the device since start, bytes.

        None where the framework does not say.
        """
        return peak_resident_bytes() if device == "cpu" else None

    def pin(self, *, threads: int) -> dict[str, str | int | bool]:
        """Fix threads for measuring.

        Returns what is set, of reduced precision (TF32, fast math) too: that is off from the
        time the backend is made, or fp32 would mean less on a GPU. Workers are started with
        the number of threads in the environment (`OMP_NUM_THREADS` and its like).
        """
        return {"threads": threads}

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

    def features(self) -> dict[str, str]:
        """What else the framework offers a port: feature -> "yes" or why not.

        Where `autograd` is not there, coverage asks for the ops of the gradient graph, too.
        """
        written = getattr(self.trainer, "__func__", None)
        if written is Backend.trainer:
            return {"autograd": "no: gradient graph"}
        return {}

    def replicas(self, device: str, count: int) -> str:
        """Empty where a trainer may be of so many replicas on `device`, else why not."""
        return f"it trains with one replica, and {count} were asked for"

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

        Raises Unsupported where their device, precision, replicas or recomputation are not here.
        """
        self.device(settings.device)
        known = self.precisions(settings.device)
        if reason := known.get(settings.precision, "no such precision"):
            raise Unsupported(
                f"{self.name} on {settings.device}: {settings.precision}: {reason}"
            )
        count = settings.replicas
        if count > 1 and (reason := self.replicas(settings.device, count)):
            raise Unsupported(f"{self.name} on {settings.device}: {reason}")
        if settings.recompute and self.keeps:
            raise Unsupported(f"{self.name}: gradient checkpointing: {self.keeps}")
        return settings


def gradient_trainer(backend: Backend, graph: Graph, settings: Settings) -> Trainer:
    """A trainer for who wants gradients and makes no step, with any rule that is there.

    Raises Unsupported, in the backend's words, where it has none.
    """
    declared = backend.optimizers()
    there = [rule for rule in RULES if not declared.get(rule, "")]
    refused: Unsupported | None = None
    for rule in there:
        try:
            return backend.trainer(graph, Optimizer(rule, 0.0, 0.0), settings)
        except Unsupported as error:
            # it may be the rule, which was not declared, or training itself
            refused = refused or error
    said = "; ".join(f"{rule}: {reason}" for rule, reason in declared.items() if reason)
    raise refused or Unsupported(f"{backend.name} has no optimizer: {said}")


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
    gaps = backend.gaps
    found = {}
    for name, needed in opening.lacking(opening.calls(graph), kernels).items():
        told = {inner: gaps.get(inner, "no kernel") for inner in sorted(needed)}
        if ops.get(name).body is None:
            found[name] = told[name]
        else:
            inside = ", ".join(f"{inner}: {why}" for inner, why in told.items())
            found[name] = f"its body needs {inside}"
    return found


def peak_resident_bytes() -> int:
    """The most memory that this process has held since it started."""
    # `getrusage` counts what the parent held when it started this process, too
    with suppress(OSError, StopIteration):
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        held = next(line for line in lines if line.startswith("VmHWM:"))
        return int(held.split()[1]) * 1024
    import resource  # not on Windows, where the rest of this module is of use all the same

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux kilobytes, under the same name
    return most if sys.platform == "darwin" else most * 1024

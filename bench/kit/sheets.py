"""What a backend is asked, a sheet for each part of the contract: breaches come as lines.

Whether every op is right is the exam's question; here it is whether the calls are what the
harness takes them for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.base import Backend, Program, Settings
from backends.numpy.backend import NumpyBackend
from bench.kit import graphs
from bench.processes.contract import bare
from models import ops, optim
from models import params as initial
from models.errors import BadInput, UnknownName
from models.graph import Graph

Arrays = Mapping[str, np.ndarray]
FAR = 1e-3  # of the largest number: what is this far off is no rounding
DEVICES = ("cpu", "cuda", "mps")
PRECISIONS = ("fp32", "bf16", "fp16", "fp64")


@dataclass(frozen=True)
class Asking:
    """The backend, on the device that it is asked on; `ask` tells which call comes next."""

    backend: Backend
    device: str
    tell: Callable[[str], None]

    def ask(self, call: str, function: Callable[..., Any], *given: Any) -> Any:
        """What a call gives."""
        self.tell(call)
        return function(*given)

    def program(self, graph: Graph, *, draw_noise: bool = False) -> Program:
        """A program with weights."""
        settings = Settings(device=self.device, draw_noise=draw_noise, seed=1)
        made: Program = self.ask(
            f"program of {graph.name}", self.backend.program, graph, settings
        )
        self.ask("Program.load", made.load, initial.draw(graph.params, seed=1))
        return made

    def called(self, program: Program, arrays: Arrays) -> dict[str, np.ndarray]:
        """Outputs as arrays, call by call."""
        return self.read(program, self.ran(program, arrays))

    def ran(self, program: Program, arrays: Arrays) -> Mapping[str, Any]:
        """Outputs, native."""
        feeds = self.ask("Program.put", program.put, arrays)
        outputs: Mapping[str, Any] = self.ask("Program.run", program.run, feeds)
        return outputs

    def read(
        self, program: Program, outputs: Mapping[str, Any]
    ) -> dict[str, np.ndarray]:
        """Native outputs as arrays."""
        return {
            name: self.ask("Program.numpy", program.numpy, value)
            for name, value in outputs.items()
        }


def declared(asking: Asking) -> Iterator[str]:
    """Kernels, gaps, devices, precisions and optimizers: known names, with reasons."""
    backend = asking.backend
    kernels = asking.ask("Backend.kernels", lambda: backend.kernels)
    gaps = asking.ask("Backend.gaps", lambda: backend.gaps)
    for title, names in (("kernels", kernels), ("gaps", gaps)):
        yield from _unknown(f"Backend.{title}: op", names, ops.table())
    for name in kernels.keys() & gaps.keys():
        yield f"Backend.gaps gave {name}, which has a kernel; one of the two was due"
    for gap in asking.ask("Backend.part_gaps", lambda: backend.part_gaps):
        yield from _unknown("Backend.part_gaps: op", gap.op.split(), ops.table())
    devices = asking.ask("Backend.devices", backend.devices)
    yield from _unknown("Backend.devices: device", devices, DEVICES)
    precisions = asking.ask("Backend.precisions", backend.precisions, asking.device)
    yield from _unknown("Backend.precisions: precision", precisions, PRECISIONS)
    if reason := precisions.get("fp32", "it is not named"):
        yield f"Backend.precisions gave no fp32 ({reason}); full precision was due"
    rules = asking.ask("Backend.optimizers", backend.optimizers)
    yield from _unknown("Backend.optimizers: optimizer", rules, optim.RULES)


def surroundings(asking: Asking) -> Iterator[str]:
    """What measuring asks beside models."""
    backend = asking.backend
    asking.ask("Backend.modes", lambda: backend.modes)
    asking.ask("Backend.draws_noise", lambda: backend.draws_noise)
    asking.ask("Backend.editions", backend.editions)
    asking.ask("Backend.features", backend.features)
    asking.ask("Backend.repeats", backend.repeats, asking.device)
    asking.ask("Backend.synchronize", backend.synchronize, asking.device)
    asking.ask("Backend.peak_memory", backend.peak_memory, asking.device)
    asking.ask("Backend.pin", lambda: backend.pin(threads=1))
    yield from ()


def calls(asking: Asking) -> Iterator[str]:
    """One program at two batches: shapes, types and numbers of each call, and who keeps them.

    What captures a call does so at the second or third, and then may hold its batch for ever
    or write the next outputs over the last.
    """
    graph = graphs.layer()
    program = asking.program(graph)
    kept = []
    for call, batch in enumerate((2, 5, 2, 2, 2)):
        fed = {"x": _numbers(batch, 3, seed=call)}
        outputs, due = asking.ran(program, fed), _oracle(graph, fed)
        yield from compared(_calls(program), asking.read(program, outputs), due)
        kept.append((outputs, due))
    outputs, due = kept[-2]
    after = f"{_calls(program)}, read after the next call,"
    yield from compared(after, asking.read(program, outputs), due)


def element_types(asking: Asking) -> Iterator[str]:
    """Integers and truth values stay what they are."""
    graph = graphs.types()
    program = asking.program(graph)
    fed = {"index": np.array([1, 2, 2**24 + 1]), "x": _numbers(3)}
    came = asking.called(program, fed)
    yield from compared(_calls(program), came, _oracle(graph, fed))


def weights(asking: Asking) -> Iterator[str]:
    """Weights come out as they went in; what does not fit is refused and changes nothing."""
    graph = graphs.layer()
    program = asking.program(graph)
    due = initial.draw(graph.params, seed=1)
    yield from _same(program, asking, due, "those that were loaded")
    less = {name: array for name, array in due.items() if name != "fc.bias"}
    try:
        asking.ask("Program.load", program.load, less)
    except BadInput:
        pass
    else:
        yield f"{_name(program)}.load took weights without fc.bias; BadInput was due"
    yield from _same(program, asking, due, "those of before")
    asking.ask("Program.weights", program.weights)
    fed = asking.ask("Program.put", program.put, {"x": _numbers(2, 3)})
    place = asking.ask("Program.device_of", program.device_of, fed["x"])
    if place not in ("", asking.device):
        yield f"{_name(program)}.device_of gave {place}; {asking.device} was due"


def state(asking: Asking) -> Iterator[str]:
    """A call of a graph with running statistics moves them, and gives what NumPy's does."""
    graph = graphs.statistics()
    x = {"x": _numbers(6, 3)}
    program = asking.program(graph)
    oracle = NumpyBackend().program(graph, Settings(precision="fp32"))
    oracle.load(initial.draw(graph.params, seed=1))
    for _ in range(2):
        yield from compared(_calls(program), asking.called(program, x), oracle(x))
    came = asking.ask("Program.params", program.params)
    yield from compared(f"{_name(program)}.params", came, oracle.params())


def noise(asking: Asking) -> Iterator[str]:
    """Noise that is fed is what is computed with; drawn, it is another at each call."""
    graph = graphs.noisy()
    name = next(iter(graph.noise))
    mask = np.tile(np.array([0, 1], np.float32), (4, 25))
    fed = {"x": np.ones((4, 50), np.float32), name: mask}
    program = asking.program(graph)
    came = asking.called(program, fed)
    yield from compared(_calls(program), came, _oracle(graph, fed))
    drawing = asking.program(graph, draw_noise=True)
    one, two = (asking.called(drawing, {"x": fed["x"]})["pose"] for _ in "ab")
    if np.array_equal(one, two):
        yield (
            f"{_name(program)}.run drew the same noise in two calls; other noise was due"
            " (draws_noise = False lets PosePort draw it)"
        )


def compared(call: str, came: Arrays, due: Arrays) -> Iterator[str]:
    """Shape, type and, roughly, numbers of arrays that a call gave; the oracle's were due."""
    for name, wanted in due.items():
        array = came[name]
        if array.shape != wanted.shape:
            yield f"{call} gave shape {array.shape} for {name}; {wanted.shape} was due"
        elif array.dtype != wanted.dtype:
            yield f"{call} gave {array.dtype} for {name}; {wanted.dtype} was due"
        elif (off := _off(array, wanted)) > FAR or np.isnan(off):
            yield (
                f"{call} gave {name} off by {off:.2g} of the largest; NumPy's numbers were"
                " due (`bench ops` says which op)"
            )


def _off(came: np.ndarray, due: np.ndarray) -> float:
    wide, right = came.astype(np.float64), due.astype(np.float64)
    apart = float(np.abs(wide - right).max(initial=0.0))
    # what is whole is right or wrong: the largest number says nothing
    if due.dtype.kind != "f":
        return apart
    return apart / (float(np.abs(right).max(initial=0.0)) or 1.0)


def _same(program: Program, asking: Asking, due: Arrays, which: str) -> Iterator[str]:
    came = asking.ask("Program.params", program.params)
    for name, array in due.items():
        if not np.array_equal(came[name], array):
            yield f"{_name(program)}.params gave other numbers for {name}; {which} were due"


def _oracle(graph: Graph, fed: Arrays) -> dict[str, np.ndarray]:
    program = NumpyBackend().program(graph, Settings(precision="fp32"))
    program.load(initial.draw(graph.params, seed=1))
    return program(fed)


def _numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _calls(program: Program) -> str:
    """The two calls that make an array of feeds."""
    return f"{_name(program)}.run and .numpy"


def _name(program: Program) -> str:
    return type(bare(program)).__name__


def _unknown(
    what: str, names: Collection[str], known: Collection[str]
) -> Iterator[str]:
    for name in names:
        if name not in known:
            yield str(UnknownName(what, str(name), known))


SHEETS: Mapping[str, Callable[[Asking], Iterator[str]]] = {
    "declared": declared,
    "surroundings": surroundings,
    "calls": calls,
    "types": element_types,
    "weights": weights,
    "state": state,
    "noise": noise,
}

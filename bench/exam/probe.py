"""Ops as small graphs: what the exam asks of a backend, and how a diverging node is found.

Several probes may share one program, which costs a framework that compiles little more than
one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, takewhile
from typing import Any, Literal

import numpy as np

from backends.base import Backend, Settings, gradient_trainer
from backends.numpy.backend import NumpyBackend
from backends.numpy.ops import kernels
from models import dims, ops
from models.builder import Builder
from models.dims import Dim, Length
from models.graph import FLOATS, Graph
from models.ops._axes import spliced
from models.passes import decompose
from models.value import Value, emit, emit_all

Arrays = dict[str, np.ndarray]
Results = tuple[np.ndarray, ...]
Layout = Literal["plain", "transposed", "strided"]
# a trainer wants one; of a learning rate of 0 nothing moves
STOPPED = "stopped"  # `Op.gradient` of what is the identity with gradient 0
# the open length of a probe, in attributes that speak of it
OPEN = "n"


@dataclass(frozen=True)
class Probe:
    """Inputs x0, x1, ... and literals of one op.

    `where` is the model line it stands for, if any.
    """

    op: str
    # literals stay literals; floats are float32 whatever type is declared
    operands: tuple[np.ndarray | float, ...]
    attributes: Mapping[str, Any]
    where: str = ""
    # axes of one length that is left open, each as the number of an input and an axis of it
    open: tuple[tuple[int, int], ...] = ()
    # attributes as the graph has them where that length is OPEN, which `attributes` bind
    opened: Mapping[str, Any] | None = None
    # declared for float inputs, whose values it must hold exactly
    dtype: str = "float32"
    # how inputs reach the op: as they are, through a permute_dims, or through a slice of
    # every other element
    layout: Layout = "plain"
    # attributes that the op's method is given instead, and is to make `attributes` of
    written: Mapping[str, Any] | None = None

    def arrays(self) -> Arrays:
        """The tensor inputs by name, as they are fed."""
        return {
            f"x{i}": self._laid(operand)
            for i, operand in enumerate(self.operands)
            if isinstance(operand, np.ndarray)
        }

    def floats(self) -> Arrays:
        """Those of them that are floats."""
        arrays = self.arrays().items()
        return {name: x for name, x in arrays if x.dtype.kind == "f"}

    def differentiable(self) -> bool:
        """Whether any input can have a gradient."""
        return bool(self.floats())

    def has_gradient(self, due: Results) -> bool:
        """Whether there is a gradient to ask for; `due` are its results.

        From a float input, by rules that let something through, to a float result.
        """
        made_of_floats = self.differentiable() and due[0].dtype.kind == "f"
        found = ops.get(self.op)
        ruled = found.vjp is not None or found.body is not None
        return made_of_floats and ruled and found.gradient in ("flows", STOPPED)

    def declared(self, array: np.ndarray) -> str:
        """Declared type of an input."""
        return self.dtype if array.dtype.kind == "f" else str(array.dtype)

    def graph(self) -> Graph:
        """All tensors are inputs; results are outputs y0, y1, ..."""
        return forward([self])

    def reference(self, working: type[np.floating[Any]]) -> Results:
        """What the op's definition gives in a working precision."""
        operands = [self._cast(operand, working) for operand in self.operands]
        results = kernels(working)[self.op](*operands, **self.attributes)
        several = results if isinstance(results, tuple) else (results,)
        # reductions to a scalar give NumPy's scalars
        return tuple(map(np.asarray, several))

    def run(
        self, backend: Backend, settings: Settings, *, body: bool = False
    ) -> Results:
        """What a backend gives: by its kernel, or by the op's body in primitives."""
        return run([self], backend, settings, body=body)[0]

    def gradients(
        self, backend: Backend, settings: Settings, weights: Sequence[np.ndarray]
    ) -> Arrays:
        """Gradient of the weighted sum of results in each float input.

        By the backend's own differentiation.
        """
        return gradients([self], backend, settings, [weights])[0]

    def oracle_gradients(self, weights: Sequence[np.ndarray], working: str) -> Arrays:
        """The same by the gradient graph in NumPy."""
        return oracle_gradients([self], [weights], working)[0]

    def state(self) -> set[str]:
        """Inputs that are running state."""
        return {f"x{i}" for i in ops.get(self.op).state}

    def emit(self, builder: Builder, values: Mapping[str, Value]) -> tuple[Value, ...]:
        """Add the op to a graph, on inputs already declared."""
        with builder.at(self.where or f"probe of {self.op}"):
            tensors = {name: self._unlaid(value) for name, value in values.items()}
            arguments = [
                tensors[f"x{i}"] if isinstance(operand, np.ndarray) else operand
                for i, operand in enumerate(self.operands)
            ]
            attributes = {**self.attributes, **self._open_attributes(tensors)}
            if self.written is None:
                return emit_all(self.op, *arguments, **attributes)
            written = {**attributes, **self.written}
            results = ops.methods()[self.op](*arguments, **written)
        return results if isinstance(results, tuple) else (results,)

    @property
    def symbolic(self) -> bool:
        """Whether a length is left open."""
        return bool(self.open)

    def shape(self, name: str, axis: str) -> tuple[Length | str, ...]:
        """Declared shape of an input as it is fed; the open length is called `axis`."""
        number = int(name.removeprefix("x"))
        declared: list[Length] = list(np.shape(self.operands[number]))
        for i, at in self.open:
            if i == number:
                declared[at] = dims.symbol(axis)
        if self.layout == "transposed":
            return tuple(reversed(declared))
        if self.layout == "strided" and declared:
            declared[-1] = declared[-1] * 2
        return tuple(declared)

    def longer(self) -> Probe:
        """The same with one more on the open axes."""
        number, at = self.open[0]
        return self.resized(np.shape(self.operands[number])[at] + 1)

    def resized(self, length: int) -> Probe:
        """Open axes of another length, 1 or more; attributes that speak of it follow."""
        operands = list(self.operands)
        for i, at in self.open:
            operands[i] = _resized(np.asarray(operands[i]), at, length)
        opened = _bound(dict(self.opened or {}), {OPEN: length})
        attributes = {**self.attributes, **opened}
        return replace(self, operands=tuple(operands), attributes=attributes)

    def _cast(self, operand: Any, working: type[np.floating[Any]]) -> Any:
        if not isinstance(operand, np.ndarray):
            # a number takes the type of its neighbour, which may not hold it
            half = self.dtype != "float32" and isinstance(operand, float)
            return float(np.asarray(operand, self.dtype)) if half else operand
        return operand.astype(working) if operand.dtype.kind == "f" else operand

    def _laid(self, array: np.ndarray) -> np.ndarray:
        if self.layout == "transposed":
            return array.T  # a view in NumPy already
        if self.layout == "strided" and array.ndim:
            # what no answer may depend on
            filler = np.full_like(array, 1 if array.dtype == np.bool_ else 7)
            *lead, last = array.shape
            pairs = np.stack([array, filler], -1)
            return pairs.reshape(*lead, 2 * last)
        return array

    def _open_attributes(self, tensors: Mapping[str, Value]) -> dict[str, Any]:
        """Those that speak of the open length, which each graph calls by another name."""
        if not self.opened:
            return {}
        number, at = self.open[0]
        return _bound(dict(self.opened), {OPEN: tensors[f"x{number}"].shape[at]})

    def _unlaid(self, value: Value) -> Value:
        """What was fed in another layout, as the op is to have it."""
        rank = len(value.shape)
        if self.layout == "transposed":
            return value.permute_dims(tuple(reversed(range(rank))))
        if self.layout == "strided" and rank:
            stop = value.shape[-1]
            axis = rank - 1
            return emit("slice", value, axis=axis, start=0, stop=stop, step=2)
        return value


def forward(probes: Sequence[Probe]) -> Graph:
    """All probes in one graph, whose inputs are their tensors.

    Results are outputs y0, y1, ... of each probe, marked with its number.
    """
    builder = Builder(_name(probes))
    for mark, probe in marked(probes):
        values = {
            # open axes have names of their own: they need not be equally long
            name: builder.input(
                name + mark,
                probe.shape(name, f"{OPEN}{mark}"),
                dtype=probe.declared(array),
            )
            for name, array in probe.arrays().items()
        }
        for i, result in enumerate(probe.emit(builder, values)):
            builder.output(f"y{i}{mark}", result)
    return builder.finish()


def loss_graph(
    probes: Sequence[Probe], weights: Sequence[Sequence[np.ndarray]]
) -> Graph:
    """All probes in one graph with a loss: float tensors are parameters.

    The loss is the weighted sum of all float results, in float32.
    """
    builder = Builder(_name(probes))
    parts: list[Value] = []
    for (mark, probe), own in zip(marked(probes), weights, strict=True):
        parts += _losses(builder, probe, own, mark)
    if not parts:
        raise ValueError(f"{_name(probes)} has no float result")
    # not sum(): it starts from 0, which would be a node more
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    builder.output("loss", total)
    return builder.finish()


def run(
    probes: Sequence[Probe],
    backend: Backend,
    settings: Settings,
    *,
    body: bool = False,
) -> list[Results]:
    """What a backend gives for each probe."""
    graph = forward(probes)
    asked = decompose(graph, has=()) if body else graph
    program = backend.program(asked, settings)
    if any(probe.symbolic for probe in probes):
        # Another length comes first: a program that is made for one only would be found out.
        program(fed([_longest(probe) for probe in probes], Probe.arrays))
    results = program(fed(probes, Probe.arrays))
    return [results_of(results, mark) for mark, _ in marked(probes)]


def gradients(
    probes: Sequence[Probe],
    backend: Backend,
    settings: Settings,
    weights: Sequence[Sequence[np.ndarray]],
) -> list[Arrays]:
    """For each probe the gradient of its loss in each float input.

    By the backend's own differentiation.
    """
    trainer = gradient_trainer(backend, loss_graph(probes, weights), settings)
    trainer.program.load(fed(probes, Probe.floats))
    # all tensors are parameters or constants: nothing is fed
    _, found = trainer.gradients(trainer.program.put({}))
    return [
        {
            name: found[name + mark]
            for name in probe.floats()
            if name not in probe.state()
        }
        for mark, probe in marked(probes)
    ]


def oracle_gradients(
    probes: Sequence[Probe], weights: Sequence[Sequence[np.ndarray]], working: str
) -> list[Arrays]:
    """The same by the gradient graph in NumPy."""
    return gradients(probes, NumpyBackend(), Settings(precision=working), weights)


def _losses(
    builder: Builder,
    probe: Probe,
    weights: Sequence[np.ndarray],
    mark: str,
) -> Iterator[Value]:
    """The weighted sum of each float result; beside what stops gradients, the inputs' too."""
    values = {
        name: _parameter(builder, probe, name, array, mark)
        for name, array in probe.arrays().items()
    }
    results = probe.emit(builder, values)
    if probe.state():
        # new running state is no function of the loss in any framework
        results = results[:1]
    for result, weight in zip(results, weights, strict=False):
        if result.dtype in FLOATS:
            scaled = result.astype("float32") * builder.constant(
                f"w_{result.name}", weight
            )
            yield scaled.sum(axis=tuple(range(weight.ndim)), keepdims=False)
    if ops.get(probe.op).gradient == STOPPED:
        # of what stops nothing the gradient would be that of the result, too
        for name, array in probe.arrays().items():
            inputs = values[name].astype("float32")
            yield inputs.sum(axis=tuple(range(array.ndim)), keepdims=False)


def _parameter(
    builder: Builder,
    probe: Probe,
    name: str,
    array: np.ndarray,
    mark: str,
) -> Value:
    """What can be differentiated in, as a parameter; the rest as a constant."""
    if array.dtype.kind != "f":
        # a copy in row-major order: the array may be a transposed view
        return builder.constant(name + mark, array.copy())
    return builder.param(
        name + mark,
        array.shape,
        init=("zeros", 0.0),
        trainable=name not in probe.state(),
        dtype=probe.dtype,
    )


def fed(probes: Sequence[Probe], of: Callable[[Probe], Arrays]) -> Arrays:
    """Arrays of all probes, under the names of the shared graph."""
    return {
        name + mark: array
        for mark, probe in marked(probes)
        for name, array in of(probe).items()
    }


def results_of(outputs: Mapping[str, np.ndarray], mark: str) -> Results:
    """Those of the probe that has the mark."""
    names = (f"y{i}{mark}" for i in count())
    return tuple(outputs[name] for name in takewhile(outputs.__contains__, names))


def marked(probes: Sequence[Probe]) -> Iterator[tuple[str, Probe]]:
    """Probes with what their names end in; nothing where there is one alone."""
    if len(probes) == 1:
        yield "", probes[0]
        return
    for i, probe in enumerate(probes):
        yield f"_{i}", probe


def _name(probes: Sequence[Probe]) -> str:
    asked = {probe.op for probe in probes}
    return f"probe_{probes[0].op}" if len(asked) == 1 else f"probe_of_{len(probes)}"


def _longest(probe: Probe) -> Probe:
    return probe.longer() if probe.open else probe


def _resized(array: np.ndarray, axis: int, length: int) -> np.ndarray:
    """Cut on an axis, or lengthened by what it has already; by ones where it has nothing."""
    if not array.shape[axis]:
        return np.ones(spliced(array.shape, axis, length), array.dtype)
    return np.take(array, np.arange(length) % array.shape[axis], axis)


def _bound(value: Any, lengths: Mapping[str, Any]) -> Any:
    """Symbols in attributes, also those within a tuple, as what they stand for."""
    if isinstance(value, Dim):
        return value.bind(lengths)
    if isinstance(value, tuple):
        return tuple(_bound(item, lengths) for item in value)
    if isinstance(value, dict):
        return {key: _bound(item, lengths) for key, item in value.items()}
    return value

"""Writes a graph down as ONNX nodes, one by one; axis lengths are computed where needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from backends.base import Arrays
from backends.onnx import ops
from backends.onnx.nodes import ints
from models import dims
from models import ops as table
from models.dims import Dim, Length
from models.errors import BadInput
from models.graph import Graph, Node, Operand, Type

LENGTH = "length"  # nodes that compute axis lengths are called `length/...`
NEXT = "next/"  # output `next/NAME` is what replaces the state NAME after a call
# output `out/NAME` is NAME where an input, such as its truth, is called so: ONNX has one table
OUT = "out/"


class Writer:
    """Writes one graph, node by node. `where` goes into each node's doc_string."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[onnx.NodeProto] = []
        self.stored: dict[str, onnx.TensorProto] = {}
        self.inner: dict[str, Type] = {}
        self._at: Node | None = None
        self._known: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._lengths: dict[Length, str] = {}

    def write(self, params: Arrays) -> None:
        """All nodes, and an Identity per output; arrays that nothing reads stay out."""
        read = {operand for node in self.graph.nodes for operand in node.values()}
        read |= set(results(self.graph).values())
        for name, array in {**params, **self.graph.constants}.items():
            if name in read:
                self.stored[name] = numpy_helper.from_array(array, name)
        for node in self.graph.nodes:
            self._node(node)
        self._name_outputs()

    def _name_outputs(self) -> None:
        """What goes out has the name that the graph gives it out by: a copy would cost a pass."""
        made = {name for node in self.nodes for name in node.output}
        called: dict[str, str] = {}
        for name, value in results(self.graph).items():
            if value in made and value not in called and name not in self.graph.types:
                called[value] = name
            elif name != value:
                # an input or a weight that goes out as it came, or what goes out twice
                copy = helper.make_node(
                    "Identity",
                    [value],
                    [name],
                    name=f"output {name}",
                )
                self.nodes.append(copy)
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [called.get(name, name) for name in names]
        for value in called:
            self.inner.pop(value, None)

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; the name of its result."""
        return self.several(op, *inputs, results=1, **attributes)[0]

    def several(
        self,
        op: str,
        *inputs: str,
        results: int,
        **attributes: Any,
    ) -> tuple[str, ...]:
        """Append a node with that many results; their names."""
        serial = len(self.nodes)
        names = tuple(f"{op}.{serial}:{i}" for i in range(results))
        given = {key: _attribute(value) for key, value in attributes.items()}
        asked, where = (self._at.name, self._at.where) if self._at else (LENGTH, "")
        given |= {"name": f"{asked}/{op}.{serial}", "doc_string": where}
        self.nodes.append(helper.make_node(op, inputs, names, **given))
        return names

    def constant(self, array: np.ndarray) -> str:
        """A stored array; equal ones are stored once."""
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._known:
            name = f"constant.{len(self._known)}"
            self._known[key] = name
            self.stored[name] = numpy_helper.from_array(array, name)
        return self._known[key]

    def lengths(self, values: Sequence[Length]) -> str:
        """A rank-1 tensor of axis lengths."""
        if not any(isinstance(value, Dim) for value in values):
            return self.constant(np.array(values, np.int64))
        with self._measuring():
            parts = [self._length(value) for value in values]
            return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def type(self, name: str) -> Type:
        """Shape and dtype of a value of the graph."""
        return self.graph.types[name]

    def _node(self, node: Node) -> None:
        self._at = node
        tensors = [operand for operand in node.inputs if isinstance(operand, str)]
        # a number takes the type of its neighbour
        beside = self.graph.types[tensors[-1]].dtype
        operands = [self._operand(operand, beside) for operand in node.inputs]
        result = ops.KERNELS[node.op](self, *operands, **node.attributes)
        made = result if table.get(node.op).several else (result,)
        self._rename(dict(zip(made, node.results(), strict=True)))
        self.inner |= dict(zip(node.results(), node.outputs, strict=True))

    def _rename(self, made: dict[str, str]) -> None:
        """Give what a kernel has made the names that the graph knows it by."""
        # from the end: the kernel's nodes are the last ones, and nothing reads them yet
        for last in reversed(self.nodes):
            if made.keys() & set(last.output):
                last.output[:] = [made.pop(name, name) for name in last.output]
            if not made:
                break

    def _operand(self, operand: Operand, dtype: str) -> str:
        if isinstance(operand, str):
            return operand
        if isinstance(operand, Dim):
            # a length as a number among tensors
            with self._measuring():
                scalar = self.node("Squeeze", self._length(operand), ints(self, 0))
                return self.node("Cast", scalar, to=np.dtype(dtype))
        return self.constant(np.array(operand, dtype))

    @contextmanager
    def _measuring(self) -> Iterator[None]:
        """The nodes made inside compute with axis lengths, and belong to no node of the graph."""
        before, self._at = self._at, None
        yield
        self._at = before

    def _length(self, length: Length) -> str:
        """One length as a tensor of shape (1,)."""
        if length not in self._lengths:
            name = dims.axis_name(length)
            found = self._axis(name) if name else self._polynomial(length)
            self._lengths[length] = found
        return self._lengths[length]

    def _axis(self, name: str) -> str:
        """Read off the first input that has the axis alone."""
        for value, type_ in self.graph.inputs.items():
            for i, length in enumerate(type_.shape):
                if dims.axis_name(length) == name:
                    return self.node("Shape", value, start=i, end=i + 1)
        raise BadInput(
            f"{self.graph.name}: no input has an axis {name} of its own, so its length is"
            " not known at the call; add one"
        )

    def _polynomial(self, length: Length) -> str:
        if not isinstance(length, Dim):
            return ints(self, length)
        # sorted, so that the nodes come in the same order in every process
        names = sorted(dims.names_in(length))
        axes = {name: _Traced(self, self._length(dims.symbol(name))) for name in names}
        return str(length.bind(axes).name)


class _Traced:
    """A length under computation: `Dim.bind` multiplies and adds it."""

    def __init__(self, writer: Writer, name: str) -> None:
        self.writer = writer
        self.name = name

    def __mul__(self, other: _Traced | int) -> _Traced:
        return self._with("Mul", other)

    def __add__(self, other: _Traced | int) -> _Traced:
        return self._with("Add", other)

    # a constant term may come first
    __radd__ = __add__

    def _with(self, op: str, other: _Traced | int) -> _Traced:
        operand = other.name if isinstance(other, _Traced) else ints(self.writer, other)
        return _Traced(self.writer, self.writer.node(op, self.name, operand))


def _attribute(value: Any) -> Any:
    """As onnx.helper takes it: element types as numbers, arrays as tensors."""
    if isinstance(value, np.dtype):
        return helper.np_dtype_to_tensor_dtype(value)
    return numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value


def results(graph: Graph) -> dict[str, str]:
    """Every output by name: the graph's own, then new state."""
    return {
        **{called(graph, name): value for name, value in graph.outputs.items()},
        **{NEXT + name: value for name, value in graph.state.items()},
    }


def called(graph: Graph, output: str) -> str:
    """What an output of the graph is called in ONNX."""
    taken = output in graph.inputs and graph.outputs[output] != output
    return OUT + output if taken else output

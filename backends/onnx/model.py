"""Graph -> onnx.ModelProto, written node by node: named symbolic axes, a chosen opset,
checked; files with or without external data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from onnx import external_data_helper, helper, numpy_helper

from backends.base import Arrays
from backends.onnx import ops
from models import dims
from models import ops as table
from models import params as initial
from models.dims import Dim, Length
from models.errors import BadInput
from models.graph import Graph, Node, Operand, Type
from models.passes import decompose

OLDEST = 18  # first with axes as inputs everywhere, and reductions of ScatterElements
DEFAULT = 20
LENGTH = "length"  # nodes that compute axis lengths are called `length/...`
NEXT = "next/"  # output `next/NAME` is what replaces the state NAME after a call
EXTERNAL = 1024  # bytes from which an array goes to the external file
LARGE = 64 << 20  # bytes of weights from which an export has an external file


@cache
def opsets() -> tuple[int, ...]:
    """Opsets that the installed onnx describes and the installed ONNX Runtime runs."""
    return tuple(
        opset for opset in range(OLDEST, onnx.defs.onnx_opset_version() + 1) if _runs(opset)
    )


def model(
    graph: Graph, params: Arrays, *, opset: int = DEFAULT, fed: Iterable[str] = ()
) -> onnx.ModelProto:
    """The graph as a checked model: parameters as initializers, but for state and those in
    `fed`, which are inputs.

    Outputs carry the graph's names, new state `next/NAME`. Noise is an input: ONNX
    Runtime's generators are not used (see `program`). Raises BadInput where `params` do not
    fit the graph or the opset does not exist.
    """
    if opset not in opsets():
        raise BadInput(
            f"ONNX opset {opset} does not exist here; choose one of"
            f" {', '.join(map(str, opsets()))}"
        )
    flat = decompose(graph, has=ops.kernels(opset))
    outside = [name for name in flat.params if name in flat.state or name in set(fed)]
    stored = initial.fit(
        {name: param for name, param in flat.params.items() if name not in outside},
        _without(params, outside),
    )
    writer = _Writer(flat)
    writer.write(stored)
    inputs = {**flat.inputs, **{name: noise.type for name, noise in flat.noise.items()}}
    inputs |= {name: flat.params[name].type for name in outside}
    outputs = {name: flat.types[value] for name, value in _results(flat).items()}
    stored_arrays = list(writer.stored.values())
    whole = helper.make_graph(
        writer.nodes,
        flat.name,
        _infos(inputs),
        _infos(outputs),
        stored_arrays,
        value_info=_infos(writer.inner),
    )
    proto = _stamped(
        helper.make_model(
            whole, opset_imports=[helper.make_opsetid("", opset)], producer_name="poseport"
        )
    )
    onnx.checker.check_model(proto, full_check=True)
    return proto


def save(model: onnx.ModelProto, path: Path, *, external: bool = False) -> None:
    """Write a model; `external` puts its arrays into `NAME.data` beside it, as models
    beyond 2 GiB need.
    """
    if not external:
        onnx.save_model(model, path)
        return
    copy = onnx.ModelProto()  # onnx moves the arrays out of what it writes
    copy.CopyFrom(model)
    beside = path.with_name(f"{path.name}.data")
    beside.unlink(missing_ok=True)  # onnx would append to it
    onnx.save_model(
        copy,
        path,
        save_as_external_data=True,
        location=beside.name,
        size_threshold=EXTERNAL,
    )


def load(path: Path) -> onnx.ModelProto:
    """Read a model with its external data.

    Raises BadInput where it is no ONNX model, or its data lie outside its folder.
    """
    try:
        proto = onnx.load_model(path, load_external_data=False)
    except Exception as error:  # the system's, or protobuf's own
        raise BadInput(
            f"{path}: not an ONNX model: {' '.join(str(error).split())}; export one with"
            " backends.onnx.model.save"
        ) from None
    _refuse_outside(path, proto)
    try:
        external_data_helper.load_external_data_for_model(proto, str(path.resolve().parent))
        onnx.checker.check_model(proto)
    except (ValueError, onnx.checker.ValidationError) as error:
        raise BadInput(
            f"{path}: a broken ONNX model: {' '.join(str(error).split())}; export it anew"
        ) from None
    return proto


def _refuse_outside(path: Path, proto: onnx.ModelProto) -> None:
    """Raises BadInput where external data lie anywhere but in files below the model's
    folder.
    """
    folder = path.resolve().parent
    nodes = [node for function in proto.functions for node in function.node]
    for tensor in filter(
        external_data_helper.uses_external_data, (*_tensors(proto.graph), *_attached(nodes))
    ):
        location = external_data_helper.ExternalDataInfo(tensor).location
        if not (folder / location).resolve().is_relative_to(folder):
            raise BadInput(
                f"{path}: the data of {tensor.name} lie outside the model's folder, at"
                f" {location}; move them beside the model"
            )
        if not (folder / location).is_file():
            raise BadInput(
                f"{path}: the data of {tensor.name} are missing: no file {location!r}"
                " beside the model; copy both"
            )


def _runs(opset: int) -> bool:
    """Whether ONNX Runtime takes a model of an opset."""
    one = _info("x", Type(()))
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])], "probe", [one], [_info("y", Type(()))]
    )
    proto = _stamped(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    )
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        ort.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception:  # its errors share no class of their own
        return False
    return True


def _stamped(proto: onnx.ModelProto) -> onnx.ModelProto:
    """With the oldest file format that has the opset, so that older runtimes read it too."""
    proto.ir_version = helper.find_min_ir_version_for(proto.opset_import)
    return proto


class _Writer:
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
        read = {operand for node in self.graph.nodes for operand in node.values()} | set(
            _results(self.graph).values()
        )
        for name, array in {**params, **self.graph.constants}.items():
            if name in read:
                self.stored[name] = numpy_helper.from_array(array, name)
        for node in self.graph.nodes:
            self._node(node)
        for name, value in _results(self.graph).items():
            if name != value:
                self.nodes.append(
                    helper.make_node("Identity", [value], [name], name=f"output {name}")
                )

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; the name of its result."""
        return self.several(op, *inputs, results=1, **attributes)[0]

    def several(
        self, op: str, *inputs: str, results: int, **attributes: Any
    ) -> tuple[str, ...]:
        """Append a node with that many results; their names."""
        serial = len(self.nodes)
        names = tuple(f"{op}.{serial}:{i}" for i in range(results))
        made = {key: _attribute(value) for key, value in attributes.items()}
        asked, where = (self._at.name, self._at.where) if self._at else (LENGTH, "")
        self.nodes.append(
            helper.make_node(
                op, inputs, names, name=f"{asked}/{op}.{serial}", doc_string=where, **made
            )
        )
        return names

    def constant(self, array: np.ndarray) -> str:
        """A stored array; equal ones are stored once."""
        key = (str(array.dtype), array.shape, array.tobytes())
        if key not in self._known:
            self._known[key] = f"constant.{len(self._known)}"
            self.stored[self._known[key]] = numpy_helper.from_array(array, self._known[key])
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
        result = ops.KERNELS[node.op](
            self,
            *[self._operand(operand, beside) for operand in node.inputs],
            **node.attributes,
        )
        made = dict(
            zip(
                result if table.get(node.op).several else (result,),
                node.results(),
                strict=True,
            )
        )
        for last in reversed(self.nodes):
            if made.keys() & set(last.output):
                last.output[:] = [made.pop(name, name) for name in last.output]
            if not made:
                break
        self.inner |= dict(zip(node.results(), node.outputs, strict=True))

    def _operand(self, operand: Operand, dtype: str) -> str:
        if isinstance(operand, str):
            return operand
        if isinstance(operand, Dim):
            with self._measuring():
                scalar = self.node("Squeeze", self._length(operand), ops.ints(self, 0))
                return self.node("Cast", scalar, to=np.dtype(dtype))
        return self.constant(np.array(operand, dtype))

    @contextmanager
    def _measuring(self) -> Iterator[None]:
        """The nodes made inside compute with axis lengths: they belong to no node of the
        graph.
        """
        before, self._at = self._at, None
        yield
        self._at = before

    def _length(self, length: Length) -> str:
        """One length as a tensor of shape (1,)."""
        if length not in self._lengths:
            self._lengths[length] = (
                self._axis(name)
                if (name := dims.axis_name(length))
                else self._polynomial(length)
            )
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
            return ops.ints(self, length)
        axes = {
            name: _Traced(self, self._length(dims.symbol(name)))
            for name in sorted(dims.names_in(length))
        }
        return str(length.bind(axes).name)


class _Traced:
    """A length under computation: `Dim.bind` multiplies and adds it."""

    def __init__(self, writer: _Writer, name: str) -> None:
        self.writer = writer
        self.name = name

    def __mul__(self, other: _Traced | int) -> _Traced:
        return self._with("Mul", other)

    def __add__(self, other: _Traced | int) -> _Traced:
        return self._with("Add", other)

    __radd__ = __add__

    def _with(self, op: str, other: _Traced | int) -> _Traced:
        operand = other.name if isinstance(other, _Traced) else ops.ints(self.writer, other)
        return _Traced(self.writer, self.writer.node(op, self.name, operand))


def _attribute(value: Any) -> Any:
    """As onnx.helper takes it: element types as numbers, arrays as tensors."""
    if isinstance(value, np.dtype):
        return helper.np_dtype_to_tensor_dtype(value)
    return numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value


def _results(graph: Graph) -> dict[str, str]:
    """Every output by name: the graph's own, then new state."""
    return {**graph.outputs, **{NEXT + name: value for name, value in graph.state.items()}}


def _without(params: Arrays, names: Sequence[str]) -> dict[str, np.ndarray]:
    return {name: array for name, array in params.items() if name not in names}


def _infos(types: Mapping[str, Type]) -> list[onnx.ValueInfoProto]:
    return [_info(name, type_) for name, type_ in types.items()]


def _info(name: str, type_: Type) -> onnx.ValueInfoProto:
    shape = [length if isinstance(length, int) else str(length) for length in type_.shape]
    return helper.make_tensor_value_info(
        name, helper.np_dtype_to_tensor_dtype(np.dtype(type_.dtype)), shape
    )


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every stored tensor, those of attributes and subgraphs too."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _attached(graph.node)


def _attached(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)

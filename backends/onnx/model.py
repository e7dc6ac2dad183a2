"""Graph -> onnx.ModelProto: named symbolic axes, a chosen opset, checked.

And its files, with or without external data.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import onnxruntime as ort
from onnx import external_data_helper, helper

from backends.base import Arrays
from backends.onnx import ops
from backends.onnx.writer import Writer, results
from models import params as initial
from models.errors import BadInput
from models.graph import Graph, Type
from models.passes import decompose

T = TypeVar("T")
OLDEST = 18  # first with axes as inputs everywhere, and reductions of ScatterElements
DEFAULT = 20
EXTERNAL = 1024  # bytes from which an array goes to the external file
LARGE = 64 << 20  # bytes of weights from which an export has an external file


@cache
def opsets() -> tuple[int, ...]:
    """Opsets that the installed onnx describes and the installed ONNX Runtime runs."""
    return tuple(
        opset
        for opset in range(OLDEST, onnx.defs.onnx_opset_version() + 1)
        if _runs(opset)
    )


def model(
    graph: Graph,
    params: Arrays,
    *,
    opset: int = DEFAULT,
    fed: Iterable[str] = (),
) -> onnx.ModelProto:
    """The graph as a checked model: parameters are initializers, noise is an input.

    State, and the parameters in `fed`, are inputs too. Outputs carry the graph's names, new
    state `next/NAME`. Raises BadInput where `params` do not fit the graph or the opset does
    not exist.
    """
    if opset not in opsets():
        known = ", ".join(map(str, opsets()))
        raise BadInput(f"ONNX opset {opset} does not exist here; choose one of {known}")
    flat = decompose(graph, has=ops.at(opset))
    outside = {*flat.state, *fed}
    writer = Writer(flat)
    writer.write(initial.fit(_without(flat.params, outside), _without(params, outside)))
    inputs = {**flat.inputs, **{name: noise.type for name, noise in flat.noise.items()}}
    inputs |= {name: p.type for name, p in flat.params.items() if name in outside}
    outputs = {name: flat.types[value] for name, value in results(flat).items()}
    whole = helper.make_graph(
        writer.nodes,
        flat.name,
        _infos(inputs),
        _infos(outputs),
        list(writer.stored.values()),
        value_info=_infos(writer.inner),
    )
    proto = _versioned(whole, opset, producer_name="poseport")
    # full: shapes are inferred too, and held against those that the graph declares
    onnx.checker.check_model(proto, full_check=True)
    return proto


def save(
    model: onnx.ModelProto,
    path: Path,
    *,
    external: bool = False,
) -> None:
    """Write a model; `external` puts its arrays into `NAME.data` beside it.

    A model of more than 2 GiB needs that: protobuf holds no more in one message.
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
        external_data_helper.load_external_data_for_model(
            proto,
            str(path.resolve().parent),
        )
        onnx.checker.check_model(proto)
    except (ValueError, onnx.checker.ValidationError) as error:
        raise BadInput(
            f"{path}: a broken ONNX model: {' '.join(str(error).split())}; export it anew"
        ) from None
    return proto


def _refuse_outside(path: Path, proto: onnx.ModelProto) -> None:
    """Raises BadInput where external data lie anywhere but in files below the folder.

    A model that somebody sends could read any file of this machine into its weights.
    """
    folder = path.resolve().parent
    nodes = [node for function in proto.functions for node in function.node]
    tensors = (*_tensors(proto.graph), *_attached(nodes))
    for tensor in filter(external_data_helper.uses_external_data, tensors):
        location = external_data_helper.ExternalDataInfo(tensor).location
        # resolved, since a link may lead out too
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
    scalar = Type(())
    node = helper.make_node("Identity", ["x"], ["y"])
    graph = helper.make_graph(
        [node],
        "probe",
        _infos({"x": scalar}),
        _infos({"y": scalar}),
    )
    text = _versioned(graph, opset).SerializeToString()
    options = ort.SessionOptions()
    options.log_severity_level = 4  # silent: a refusal is an answer here
    try:
        ort.InferenceSession(text, options, providers=["CPUExecutionProvider"])
    except Exception:  # its errors share no class of their own
        return False
    return True


def _versioned(
    graph: onnx.GraphProto,
    opset: int,
    **about: str,
) -> onnx.ModelProto:
    """A model in the oldest file format that has the opset: older runtimes read it too."""
    opsets = [helper.make_opsetid("", opset)]
    proto = helper.make_model(graph, opset_imports=opsets, **about)
    proto.ir_version = helper.find_min_ir_version_for(proto.opset_import)
    return proto


def _without(named: Mapping[str, T], names: Container[str]) -> dict[str, T]:
    return {name: value for name, value in named.items() if name not in names}


def _infos(types: Mapping[str, Type]) -> list[onnx.ValueInfoProto]:
    return [_info(name, type_) for name, type_ in types.items()]


def _info(name: str, type_: Type) -> onnx.ValueInfoProto:
    # symbolic lengths as text, which ONNX takes for the name of an axis
    shape = [
        length if isinstance(length, int) else str(length) for length in type_.shape
    ]
    element = helper.np_dtype_to_tensor_dtype(np.dtype(type_.dtype))
    return helper.make_tensor_value_info(name, element, shape)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every stored tensor, those of attributes and subgraphs too."""
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _attached(graph.node)


def _attached(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        # one of these is set; the others are empty and use no external data
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for inner in (attribute.g, *attribute.graphs):
            yield from _tensors(inner)

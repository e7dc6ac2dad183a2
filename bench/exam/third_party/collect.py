"""Write the node cases of the installed `onnx` package into a folder.

Run as `python -m bench.exam.third_party.collect FOLDER`.

Runs in a process of its own: it is the only file of `bench` that imports onnx. The cases
are made by `collect_testcases`, which works whether or not a wheel ships them as files. One
JSON file and one safetensors file are written, which environments without onnx can read.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases
from safetensors.numpy import save_file

from bench.exam.third_party.cases import ARRAYS, INDEX, PORTABLE, key

Arrays = dict[str, np.ndarray]
TEXT = "OSUT"  # kinds of NumPy's types that text comes in


def main(folder: Path) -> None:
    """Collect every case.

    Those with data in types that NumPy alone does not know keep the names of their types
    only.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # the expected values of some cases are infinite on purpose
        warnings.simplefilter("ignore")
        found = collect_testcases(None)
    arrays: Arrays = {}
    listed = [_case(case, arrays) for case in found]
    save_file(arrays, folder / ARRAYS)
    (folder / INDEX).write_text(
        json.dumps({"onnx": onnx.__version__, "cases": listed}), encoding="utf-8"
    )


def _case(case: Any, arrays: Arrays) -> dict[str, Any]:
    """What the index says of a case; its arrays are put among the others."""
    graph = case.model.graph
    # node cases have one set of data
    inputs, outputs = case.data_sets[0]
    nodes = [
        _node(node, f"{case.name}/node{i}", arrays) for i, node in enumerate(graph.node)
    ]
    given = [value.name for value in graph.input]
    due = [value.name for value in graph.output]
    return {
        "name": case.name.removeprefix("test_"),
        "opsets": {entry.domain: entry.version for entry in case.model.opset_import},
        "nodes": nodes,
        "inputs": _store(given, inputs, f"{case.name}/in", arrays),
        "outputs": _store(due, outputs, f"{case.name}/out", arrays),
    }


def _node(node: onnx.NodeProto, prefix: str, arrays: Arrays) -> dict[str, Any]:
    attributes = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        place = key(prefix, attribute.name)
        attributes[attribute.name] = _attribute(value, place, arrays)
    return {
        "op": node.op_type,
        "inputs": list(node.input),
        "outputs": list(node.output),
        "attributes": attributes,
    }


def _attribute(value: Any, place: str, arrays: Arrays) -> Any:
    """Numbers, text and lists of them as they are; a tensor as the place of its array.

    Graphs and types are only named.
    """
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return {"dtype": _keep(value, place, arrays), "array": place}
    if isinstance(value, (int, float, str)):
        return value
    # a list of protobuf's is no list of Python's
    repeated = type(value).__module__.startswith("google")
    if repeated or isinstance(value, (list, tuple)):
        return [
            _attribute(item, f"{place}.{i}", arrays) for i, item in enumerate(value)
        ]
    return {"other": type(value).__name__}


def _store(
    names: list[str],
    values: list[Any],
    prefix: str,
    arrays: Arrays,
) -> dict[str, str]:
    """Name -> element type; arrays of a portable type are kept."""
    return {
        name: _keep(value, key(prefix, name), arrays)
        for name, value in zip(names, values, strict=True)
    }


def _keep(value: Any, place: str, arrays: Arrays) -> str:
    """The name of a value's type; its array is kept where the type is portable."""
    if isinstance(value, onnx.TensorProto):
        value = onnx.numpy_helper.to_array(value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return type(value).__name__  # sequences and optional values
    array = np.asarray(value)
    if str(array.dtype) in PORTABLE:
        # safetensors stores bytes as they lie; a scalar stays one
        rows = np.ascontiguousarray(array)
        arrays[place] = rows.reshape(array.shape)
    return "string" if array.dtype.kind in TEXT else str(array.dtype)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="made where it is missing")
    main(parser.parse_args().folder)

"""Write the node cases of the installed `onnx` package into a folder: `python -m
bench.exam.third_party.collect FOLDER`.

Runs in a process of its own: it is the only file of `bench` that imports onnx. The cases
are made by `collect_testcases`, which works whether or not a wheel ships them as files. One
JSON file and one safetensors file are written, which environments without onnx can read.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases
from safetensors.numpy import save_file

from bench.exam.third_party.cases import ARRAYS, INDEX, PORTABLE, key

Arrays = dict[str, np.ndarray]


def main(folder: Path) -> None:
    """Collect every case; those with data in types that NumPy alone does not know keep the
    names of their types only.
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
    graph, (inputs, outputs) = case.model.graph, case.data_sets[0]
    return {
        "name": case.name.removeprefix("test_"),
        "opsets": {entry.domain: entry.version for entry in case.model.opset_import},
        "nodes": [
            _node(node, f"{case.name}/node{i}", arrays) for i, node in enumerate(graph.node)
        ],
        "inputs": _store(
            [value.name for value in graph.input], inputs, f"{case.name}/in", arrays
        ),
        "outputs": _store(
            [value.name for value in graph.output], outputs, f"{case.name}/out", arrays
        ),
    }


def _node(node: onnx.NodeProto, prefix: str, arrays: Arrays) -> dict[str, Any]:
    values = {
        attribute.name: onnx.helper.get_attribute_value(attribute)
        for attribute in node.attribute
    }
    return {
        "op": node.op_type,
        "inputs": list(node.input),
        "outputs": list(node.output),
        "attributes": {
            name: _attribute(value, key(prefix, name), arrays)
            for name, value in values.items()
        },
    }


def _attribute(value: Any, place: str, arrays: Arrays) -> Any:
    """Numbers, text and lists of them as they are; a tensor as the place of its array;
    graphs and types are only named.
    """
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, onnx.TensorProto):
        return {
            "dtype": _keep(onnx.numpy_helper.to_array(value), place, arrays),
            "array": place,
        }
    if isinstance(value, (int, float, str)):
        return value
    if isinstance(value, (list, tuple)) or type(value).__module__.startswith("google"):
        return [_attribute(item, f"{place}.{i}", arrays) for i, item in enumerate(value)]
    return {"other": type(value).__name__}


def _store(
    names: list[str], values: list[Any], prefix: str, arrays: Arrays
) -> dict[str, str]:
    """Name -> element type; arrays of a portable type are kept."""
    return {
        name: _keep(value, key(prefix, name), arrays)
        for name, value in zip(names, values, strict=True)
    }


def _keep(value: Any, place: str, arrays: Arrays) -> str:
    if isinstance(value, onnx.TensorProto):
        value = onnx.numpy_helper.to_array(value)
    if not isinstance(value, (np.ndarray, np.generic)):
        return type(value).__name__
    array = np.asarray(value)
    if str(array.dtype) in PORTABLE:
        # a scalar stays one
        arrays[place] = np.ascontiguousarray(array).reshape(array.shape)
    return "string" if array.dtype.kind in "OSUT" else str(array.dtype)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

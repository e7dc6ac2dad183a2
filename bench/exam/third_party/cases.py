"""Third-party cases as data.

Read from a folder that `bench.exam.third_party.collect` wrote, or collected by a child
process that has onnx.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import numpy as np

from bench.processes.machine import ROOT
from models.errors import BadInput, Missing

INDEX, ARRAYS = "cases.json", "arrays.safetensors"
# Element types whose arrays are kept. There are others (bfloat16, 4 bits, text) that NumPy and
# safetensors alone cannot hold.
PORTABLE = ("bool", "int32", "int64", "uint8", "float16", "float32", "float64")
SAID = 200  # characters that are kept of an error's text


@dataclass(frozen=True)
class Node:
    """One ONNX node; tensors among the attributes are arrays."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """A small ONNX graph with inputs and expected outputs.

    `types` names the element type of each input, output and tensor attribute.
    """

    name: str
    opsets: Mapping[str, int]
    nodes: tuple[Node, ...]
    inputs: Mapping[str, np.ndarray]  # without those whose type is not portable
    outputs: Mapping[str, np.ndarray]
    types: tuple[str, ...]

    @property
    def op(self) -> str:
        """The ONNX operator that is examined; the cases of several nodes go together."""
        return self.nodes[0].op if len(self.nodes) == 1 else "(several)"


@dataclass(frozen=True)
class Collection:
    """All cases of one version of onnx."""

    version: str
    cases: tuple[Case, ...]


def key(prefix: str, name: str) -> str:
    """Where an array lies in the safetensors file."""
    return f"{prefix}/{name}"


def ensure(folder: Path) -> Collection:
    """The cases in `folder`, collected first where there are none.

    Raises Missing where that takes onnx and it is not here.
    """
    if not (folder / INDEX).exists():
        collect(folder)
    return read(folder)


def collect(folder: Path) -> None:
    """Collect in a child process, so that onnx meets no framework.

    The folder appears whole, also when several workers ask for it at once.

    Raises Missing where there is no onnx, and BadInput with the child's last words.
    """
    # Asked of the path, not of this process: a worker hides the frameworks of other backends
    # from itself, and the child will see onnx.
    if PathFinder.find_spec("onnx") is None:
        raise Missing(
            'the third-party cases need onnx, not installed here: pip install -e ".[onnx]"'
            " -c constraints.txt, or collect them elsewhere with `python -m"
            f" bench.exam.third_party.collect FOLDER` and give --cases FOLDER (no {INDEX}"
            f" in {folder})"
        )
    # a name of its own for each worker that collects
    draft = folder.resolve().with_name(f".{folder.name}.{os.getpid()}")
    command = [sys.executable, "-m", "bench.exam.third_party.collect", str(draft)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines()
        last = words[-1][:SAID] if words else "it said nothing"
        raise BadInput(f"collecting the onnx node cases into {folder} failed: {last}")
    try:
        draft.rename(folder.resolve())
    except OSError:  # another worker was quicker
        shutil.rmtree(draft)


def read(folder: Path) -> Collection:
    """Read a folder. Raises BadInput where it is unreadable or holds something else."""
    # here, so that mappings and records can be used without it
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        raw = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        arrays = load_file(folder / ARRAYS)
        cases = tuple(_case(entry, arrays) for entry in raw["cases"])
        return Collection(raw["onnx"], cases)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        text = " ".join(str(error).split())[:SAID]
        raise BadInput(
            f"{folder}: {INDEX} and {ARRAYS} of `python -m bench.exam.third_party.collect`"
            f" were due: {text}"
        ) from None


def _case(raw: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Case:
    # as the collector names them, which keeps the prefix of onnx
    prefix = f"test_{raw['name']}"
    # A tensor among the attributes may be of a type that is not kept: its name is.
    tensors = [
        value["dtype"]
        for node in raw["nodes"]
        for value in node["attributes"].values()
        if _is_tensor(value)
    ]
    return Case(
        name=raw["name"],
        opsets=raw["opsets"],
        nodes=tuple(_node(node, arrays) for node in raw["nodes"]),
        inputs=_arrays(raw["inputs"], f"{prefix}/in", arrays),
        outputs=_arrays(raw["outputs"], f"{prefix}/out", arrays),
        types=(
            *raw["inputs"].values(),
            *raw["outputs"].values(),
            *tensors,
        ),
    )


def _arrays(
    types: Mapping[str, str], prefix: str, arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    return {
        name: arrays[key(prefix, name)]
        for name, dtype in types.items()
        if dtype in PORTABLE
    }


def _node(raw: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Node:
    attributes = {}
    for name, value in raw["attributes"].items():
        # one whose array was not kept stays what the index says of it
        attributes[name] = (
            arrays.get(value["array"], value) if _is_tensor(value) else value
        )
    return Node(
        op=raw["op"],
        inputs=tuple(raw["inputs"]),
        outputs=tuple(raw["outputs"]),
        attributes=attributes,
    )


def _is_tensor(value: Any) -> bool:
    return isinstance(value, dict) and "array" in value

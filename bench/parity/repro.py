"""A diverging node as a folder that anyone can run.

It holds the sub-spec, inputs, expected results, the environment, and the one command.

    probe.json          op, literals, attributes, model file and line
    graph.json          the same as a graph of the language, weights as inputs
    arrays.safetensors  inputs x0, x1, ...; expected y0, y1, ...; expected gradients d_x0, ...
                        of the sum of results weighted by w0, ...
    environment.json    where the divergence was seen
    README.md           what was seen, and the command
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from backends import load, require
from backends.base import Settings
from bench.data.formats import arrays_file
from bench.exam.draws import weights_for
from bench.exam.probe import Probe
from bench.parity.locate import SEED, judge
from bench.processes import machine, question
from models import title
from models.errors import BadInput

ABOUT = (
    "Inputs are the float64 oracle's values at this node, rounded to float32; expected"
    " results and gradients are the oracle's own."
)


def place(folder: Path, backend: str, model: str) -> Path:
    """Where a run keeps a pack."""
    return folder / "repro" / f"{backend}-{title(model)}"


def command(folder: Path, backend: str) -> str:
    """What asks for the node of a pack again."""
    return f"python -m bench parity --repro {folder} --backend {backend}"


def write(
    folder: Path,
    probe: Probe,
    text: str,
    *,
    backend: str,
) -> Path:
    """Write the pack of a probe that `backend` gets wrong; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "op": probe.op,
        "operands": len(probe.operands),
        "literals": _literals(probe),
        "attributes": probe.attributes,
        "where": probe.where,
    }
    seen = {
        **machine.describe(),
        "versions": machine.versions(),
        "commit": machine.commit(),
        "backend": backend,
    }
    texts = {
        "probe.json": json.dumps(said, indent=1),
        # for readers: the pack is run from the probe, which says more than a graph
        "graph.json": probe.graph().to_json(),
        "environment.json": json.dumps(seen, indent=1),
        "README.md": _readme(folder, text, backend),
    }
    for name, content in texts.items():
        (folder / name).write_text(content, encoding="utf-8")
    arrays_file.write(folder / "arrays.safetensors", _arrays(probe), {})
    return folder


def read(folder: Path) -> Probe:
    """The probe of a pack. Raises BadInput where the folder holds none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        said = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
        arrays = load_file(folder / "arrays.safetensors")
        literals = said["literals"]
        operands = tuple(
            literals.get(str(i), arrays.get(f"x{i}")) for i in range(said["operands"])
        )
        attributes = {key: _tuples(value) for key, value in said["attributes"].items()}
        return Probe(said["op"], operands, attributes, where=said["where"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BadInput(
            f"{folder} is no repro pack: {' '.join(str(error).split())}; give the folder"
            " that `python -m bench parity --locate` wrote"
        ) from None


def _literals(probe: Probe) -> dict[int, Any]:
    """Operands that are no arrays, by place; JSON makes text of the places."""
    return {
        i: operand
        for i, operand in enumerate(probe.operands)
        if not isinstance(operand, np.ndarray)
    }


def _arrays(probe: Probe) -> dict[str, np.ndarray]:
    """Inputs, what is due of them, and gradients where there are any."""
    due = probe.reference(np.float64)
    arrays = probe.arrays()
    for i, array in enumerate(due):
        arrays[f"y{i}"] = array
    if not probe.has_gradient(due):
        return arrays
    # the weights that `locate.judge` takes, so that the pack holds what was asked
    weights = weights_for(due, seed=SEED)
    for i, array in enumerate(weights):
        arrays[f"w{i}"] = array
    for name, array in probe.oracle_gradients(weights, "fp64").items():
        arrays[f"d_{name}"] = array
    return arrays


def _readme(folder: Path, text: str, backend: str) -> str:
    ask = command(folder, backend)
    return "\n".join([f"# {backend}: {text}", "", ABOUT, "", f"    {ask}", ""])


def _tuples(value: object) -> object:
    """JSON knows no tuples, attributes no lists."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def ask(folder: Path, *, backends: Sequence[str]) -> dict[str, str]:
    """Ask backends for the pack's node again, each in a process of its own.

    Returns what is wrong by backend, empty where it agrees with the oracle.

    Raises BadInput where the folder is no pack, and what `backends.require` raises.
    """
    read(folder)
    for name in backends:
        require(name)
    # the child runs in the checkout, wherever this process stands
    place = str(folder.resolve())
    return {
        name: question.ask("bench.parity.repro", [name, place]) for name in backends
    }


def examine(arguments: Sequence[str]) -> str:
    """The child: backend and folder; what is wrong, or nothing."""
    backend = load(arguments[0])
    probe = read(Path(arguments[1]))
    said = judge(probe, backend, Settings(device=backend.device("auto")))
    return f"{probe.op} at {probe.where} ({said})" if said else ""


if __name__ == "__main__":
    sys.exit(question.answer(examine))

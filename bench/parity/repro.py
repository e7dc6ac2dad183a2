"""A diverging node as a folder that anyone can run: sub-spec, inputs, expected results,
environment, and the one command.

probe.json           op, literals, attributes, model file and line graph.json           the
same as a graph of the language, weights as inputs arrays.safetensors   inputs x0, x1, ...;
expected y0, y1, ...; expected gradients d_x0, ... of the sum of results weighted by w0, ...
environment.json     where the divergence was seen README.md            what was seen, and
the command
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.data.formats import arrays_file
from bench.exam.probe import Probe, has_gradient, weights_for
from bench.processes import machine, question
from models.errors import BadInput


def write(folder: Path, probe: Probe, text: str, *, backend: str) -> Path:
    """Write the pack of a probe that `backend` gets wrong; returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    literals = {
        i: operand
        for i, operand in enumerate(probe.operands)
        if not isinstance(operand, np.ndarray)
    }
    said = {
        "op": probe.op,
        "operands": len(probe.operands),
        "literals": literals,
        "attributes": probe.attributes,
        "where": probe.where,
    }
    (folder / "probe.json").write_text(json.dumps(said, indent=1), encoding="utf-8")
    (folder / "graph.json").write_text(probe.graph().to_json(), encoding="utf-8")
    arrays_file.write(folder / "arrays.safetensors", _arrays(probe), {})
    seen = {
        **machine.describe(),
        "versions": machine.versions(machine.PACKAGES),
        "commit": machine.commit(),
        "backend": backend,
    }
    (folder / "environment.json").write_text(json.dumps(seen, indent=1), encoding="utf-8")
    (folder / "README.md").write_text(_readme(folder, text, backend), encoding="utf-8")
    return folder


def read(folder: Path) -> Probe:
    """The probe of a pack. Raises BadInput where the folder holds none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        said = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
        arrays = load_file(folder / "arrays.safetensors")
        operands = tuple(
            said["literals"].get(str(i), arrays.get(f"x{i}"))
            for i in range(said["operands"])
        )
        return Probe(
            said["op"],
            operands,
            {key: _tuples(value) for key, value in said["attributes"].items()},
            where=said["where"],
        )
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BadInput(
            f"{folder} is no repro pack: {' '.join(str(error).split())}; give the folder"
            " that `python -m bench parity --locate` wrote"
        ) from None


def _arrays(probe: Probe) -> dict[str, np.ndarray]:
    due = probe.reference(np.float64)
    expected = {f"y{i}": array for i, array in enumerate(due)}
    if not (has_gradient(probe.op) and probe.differentiable() and due[0].dtype.kind == "f"):
        return {**probe.arrays(), **expected}
    weights = weights_for(due, seed=1)
    slopes = {
        f"d_{name}": array
        for name, array in probe.oracle_gradients(weights, "fp64").items()
    }
    return {
        **probe.arrays(),
        **expected,
        **{f"w{i}": array for i, array in enumerate(weights)},
        **slopes,
    }


def _readme(folder: Path, text: str, backend: str) -> str:
    lines = [
        f"# {backend}: {text}",
        "",
        (
            "Inputs are the float64 oracle's values at this node, rounded to float32;"
            " expected results and gradients are the oracle's own."
        ),
        "",
        f"    python -m bench parity --repro {folder} --backend {backend}",
        "",
    ]
    return "\n".join(lines)


def _tuples(value: object) -> object:
    """JSON knows no tuples, attributes no lists."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def run(folder: Path, *, backends: Sequence[str], as_json: bool) -> int:
    """Ask backends for the pack's node again, each in a process of its own; 1 where one
    diverges.
    """
    from backends import require

    read(folder)
    for name in backends:
        require(name)
    said = {
        name: question.ask("bench.parity.repro", [name, str(folder.resolve())])
        for name in backends
    }
    if as_json:
        print(json.dumps({"ok": not any(said.values()), "divergence": said}))
    else:
        for name, text in said.items():
            print(f"{name}: {text or 'agrees with the oracle'}")
    return 1 if any(said.values()) else 0


def examine(arguments: Sequence[str]) -> str:
    """The child: backend and folder; what is wrong, or nothing."""
    import backends as known
    from backends.base import Settings
    from bench.parity.locate import judge

    backend, folder = known.load(arguments[0]), Path(arguments[1])
    probe = read(folder)
    said = judge(probe, backend, Settings(device=backend.device("auto")))
    return f"{probe.op} at {probe.where} ({said})" if said else ""


if __name__ == "__main__":
    sys.exit(question.answer(examine))

"""What a backend computed on the ladder, kept as a file, so that two backends can be held
against each other without sharing a process.

One safetensors file per backend and model: every value of the ladder, how far it may be
from the oracle, and the question it answers. Two backends that each keep within their
budgets are no further apart than the sum of both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.data.formats import arrays_file
from bench.records import Check
from models.errors import BadInput

MOST = 256  # entries kept of one array of weights, so that files stay small


@dataclass(frozen=True)
class Row:
    """One value of the ladder. `allowed` is the largest absolute difference from the
    oracle, broadcast over the value.
    """

    value: np.ndarray
    allowed: np.ndarray
    scale: float  # what relative errors are relative to


@dataclass(frozen=True)
class Trace:
    """The ladder of one model on one backend. `question` holds all that decides the
    numbers: sizes, seed, batch.
    """

    backend: str
    model: str
    question: str
    rows: Mapping[str, Row]  # "rung/graph/name"


def path(folder: Path, backend: str, model: str) -> Path:
    """Where a run keeps a trace."""
    return folder / "traces" / f"{backend}-{model}.safetensors"


def thin(array: np.ndarray) -> np.ndarray:
    """At most MOST entries of an array, evenly spread."""
    flat = np.ravel(array)
    return flat[:: max(1, -(-len(flat) // MOST))]


def save(file: Path, trace: Trace) -> None:
    """Write a trace in one step."""
    arrays: dict[str, np.ndarray] = {}
    for key, row in trace.rows.items():
        for part, array in (("value", row.value), ("allowed", row.allowed)):
            arrays[f"{part}/{key}"] = np.asarray(array, np.float64)
    scales = json.dumps({key: row.scale for key, row in trace.rows.items()})
    arrays_file.write(
        file,
        arrays,
        {
            "backend": trace.backend,
            "model": trace.model,
            "question": trace.question,
            "scales": scales,
        },
    )


def load(file: Path) -> Trace:
    """Read a trace. Raises BadInput where there is none or the file is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as held:
            header = held.metadata() or {}
            scales = json.loads(header["scales"])
            rows = {
                key: Row(
                    held.get_tensor(f"value/{key}"),
                    held.get_tensor(f"allowed/{key}"),
                    scale,
                )
                for key, scale in scales.items()
            }
    except FileNotFoundError:
        raise BadInput(f"{file} does not exist; run parity on that backend first") from None
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BadInput(
            f"{file} is no trace of a parity ladder: {' '.join(str(error).split())}; run"
            " parity again"
        ) from None
    return Trace(header["backend"], header["model"], header["question"], rows)


def compare(own: Trace, other: Trace) -> tuple[Check, ...]:
    """Every value of one backend against the other's.

    Raises BadInput where they answer different questions.
    """
    if own.question != other.question:
        raise BadInput(
            f"{own.backend} and {other.backend} ran other ladders of {own.model}:"
            f" {own.question} and {other.question}; run both alike"
        )
    keys = dict.fromkeys([*own.rows, *other.rows])
    return tuple(_check(key, own.rows.get(key), other.rows.get(key)) for key in keys)


def compare_folder(folder: Path, *, backends: Sequence[str], as_json: bool) -> int:
    """Judge the traces of several backends, wherever they were made, against the first
    one's; print what was found; 1 where they differ.

    Raises BadInput where a backend or a model of the first has no trace there.
    """
    from bench.commands._cells import table

    names = backends or sorted(
        {file.stem.partition("-")[0] for file in folder.glob("traces/*.safetensors")}
        - {"oracle"}
    )
    if len(names) < 2:
        raise BadInput(
            f"{folder}: traces of two backends were due, {', '.join(names) or 'none'} came;"
            " run `bench parity` on another one"
        )
    models = [
        file.stem.partition("-")[2]
        for file in sorted(folder.glob(f"traces/{names[0]}-*.safetensors"))
    ]
    if not models:
        raise BadInput(
            f"{folder}: there is no trace of {names[0]}; run `bench parity` on it first"
        )
    found = {
        (model, name): compare(
            load(path(folder, name, model)), load(path(folder, names[0], model))
        )
        for model in models
        for name in names[1:]
    }
    ok = all(check.ok for checks in found.values() for check in checks)
    if as_json:
        rows = [
            {
                "model": m,
                "backend": b,
                "against": names[0],
                "checks": [c.model_dump() for c in cs],
            }
            for (m, b), cs in found.items()
        ]
        print(json.dumps({"ok": ok, "comparisons": rows}))
    else:
        table(
            ("model", "backend", "against", "values that agree"),
            [(m, b, names[0], _told(checks)) for (m, b), checks in found.items()],
        )
    return 0 if ok else 1


def _told(checks: Sequence[Check]) -> str:
    wrong = [check for check in checks if not check.ok]
    first = (
        f"; first that does not: {wrong[0].kind} {wrong[0].name} ({wrong[0].graph})"
        if wrong
        else ""
    )
    return f"{len(checks) - len(wrong)} of {len(checks)}{first}"


def _check(key: str, own: Row | None, other: Row | None) -> Check:
    kind, graph, name = key.split("/", 2)
    if own is None or other is None or own.value.shape != other.value.shape:
        note = (
            "only one of the two has it"
            if own is None or other is None
            else f"shapes {own.value.shape} and {other.value.shape}"
        )
        return Check(
            kind=kind, name=name, error=None, bound=0.0, ok=False, graph=graph, note=note
        )
    apart, allowed = np.broadcast_arrays(
        np.abs(own.value - other.value), own.allowed + other.allowed
    )
    if not apart.size:
        return Check(kind=kind, name=name, error=0.0, bound=0.0, ok=True, graph=graph)
    at = np.unravel_index(
        np.argmax(np.where(np.isfinite(apart), apart - allowed, np.inf)), apart.shape
    )
    error, bound, scale = float(apart[at]), float(allowed[at]), own.scale or 1.0
    ok = error <= bound  # false where either is NaN
    return Check(
        kind=kind,
        name=name,
        error=error / scale if np.isfinite(error) else None,
        bound=bound / scale,
        ok=ok,
        graph=graph,
    )

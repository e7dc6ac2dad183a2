"""What a backend computed on the ladder, kept as a file.

So two backends can be held against each other without sharing a process.

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
from models import title
from models.errors import BadInput

MOST = 256  # entries kept of one array of weights, so that files stay small


@dataclass(frozen=True)
class Row:
    """One value of the ladder.

    `allowed` is the largest absolute difference from the oracle, broadcast over the value.
    """

    value: np.ndarray
    allowed: np.ndarray
    scale: float  # what relative errors are relative to


@dataclass(frozen=True)
class Trace:
    """The ladder of one model on one backend.

    `question` holds all that decides the numbers: sizes, seed, batch.
    """

    backend: str
    model: str
    question: str
    rows: Mapping[str, Row]  # "rung/graph/name"


def path(folder: Path, backend: str, model: str) -> Path:
    """Where a run keeps a trace."""
    return folder / "traces" / f"{backend}-{title(model)}.safetensors"


def thin(array: np.ndarray) -> np.ndarray:
    """At most MOST entries of an array, evenly spread."""
    flat = np.ravel(array)
    step = -(-len(flat) // MOST)  # rounded up, so that never more are kept
    return flat[:: max(1, step)]


def save(file: Path, trace: Trace) -> None:
    """Write a trace in one step."""
    arrays: dict[str, np.ndarray] = {}
    for key, row in trace.rows.items():
        for part, array in (("value", row.value), ("allowed", row.allowed)):
            arrays[f"{part}/{key}"] = np.asarray(array, np.float64)
    scales = {key: row.scale for key, row in trace.rows.items()}
    header = {
        "backend": trace.backend,
        "model": trace.model,
        "question": trace.question,
        # safetensors keeps no order of its arrays; this one is the ladder's
        "scales": json.dumps(scales),
    }
    arrays_file.write(file, arrays, header)


def load(file: Path) -> Trace:
    """Read a trace. Raises BadInput where there is none or the file is none."""
    # no part of what the commands import that read no file
    from safetensors import SafetensorError, safe_open

    rows = {}
    try:
        with safe_open(file, framework="numpy") as held:
            header = held.metadata() or {}
            for key, scale in json.loads(header["scales"]).items():
                value = held.get_tensor(f"value/{key}")
                allowed = held.get_tensor(f"allowed/{key}")
                rows[key] = Row(value, allowed, scale)
    except FileNotFoundError:
        raise BadInput(
            f"{file} does not exist; run parity on that backend first"
        ) from None
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
    # in the order of the ladder, without those that both have twice
    keys = dict.fromkeys([*own.rows, *other.rows])
    pairs = ((key, own.rows.get(key), other.rows.get(key)) for key in keys)
    return tuple(_check(*pair) for pair in pairs)


@dataclass(frozen=True)
class Compared:
    """The ladder of one model on one backend, held against another's."""

    model: str
    backend: str
    against: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every value agrees."""
        return all(check.ok for check in self.checks)


def compare_folder(folder: Path, *, backends: Sequence[str]) -> list[Compared]:
    """Judge the traces of several backends against the first one's.

    They may be made anywhere. Where no backend is named, all that are there are judged.

    Raises BadInput where a backend or a model of the first has no trace there.
    """
    first, *others = _at_least_two(folder, backends or _backends_in(folder))
    # A name of a backend holds no hyphen, one of a model may.
    files = sorted(folder.glob(f"traces/{first}-*.safetensors"))
    models = [file.stem.partition("-")[2] for file in files]
    if not models:
        raise BadInput(
            f"{folder}: there is no trace of {first}; run `bench parity` on it first"
        )
    found = []
    for model in models:
        due = load(path(folder, first, model))
        for name in others:
            checks = compare(load(path(folder, name, model)), due)
            found.append(Compared(model, name, first, checks))
    return found


def _backends_in(folder: Path) -> list[str]:
    """Whose traces a folder holds; the oracle's loss curves lie beside them."""
    files = folder.glob("traces/*.safetensors")
    found = {file.stem.partition("-")[0] for file in files}
    return sorted(found - {"oracle"})


def _at_least_two(folder: Path, names: Sequence[str]) -> Sequence[str]:
    if len(names) < 2:
        raise BadInput(
            f"{folder}: traces of two backends were due, {', '.join(names) or 'none'} came;"
            " run `bench parity` on another one"
        )
    return names


def _check(key: str, own: Row | None, other: Row | None) -> Check:
    """One value of two ladders: where they are furthest beyond what both may be off by."""
    kind, graph, name = key.split("/", 2)
    found = Check(kind=kind, name=name, error=0.0, bound=0.0, ok=True, graph=graph)
    if own is None or other is None:
        return _apart(found, "only one of the two has it")
    if own.value.shape != other.value.shape:
        return _apart(found, f"shapes {own.value.shape} and {other.value.shape}")
    difference = np.abs(own.value - other.value)
    apart, allowed = np.broadcast_arrays(difference, own.allowed + other.allowed)
    if not apart.size:
        return found
    # what is no number is further off than any number
    beyond = np.where(np.isfinite(apart), apart - allowed, np.inf)
    at = np.unravel_index(np.argmax(beyond), apart.shape)
    error = float(apart[at])
    bound = float(allowed[at])
    scale = own.scale or 1.0
    return found.model_copy(
        update={
            "error": error / scale if np.isfinite(error) else None,
            "bound": bound / scale,
            "ok": error <= bound,  # false where either is NaN
        }
    )


def _apart(check: Check, note: str) -> Check:
    """What cannot be compared does not agree."""
    return check.model_copy(update={"error": None, "ok": False, "note": note})

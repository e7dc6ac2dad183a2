"""What is due on the ladder: the float64 oracle's answer, and how far float32 strays from it.

That says nothing of any backend, so it is kept in the run folder for the next one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from backends.base import Backend, Settings
from bench.coordinator.job import Progress
from bench.data.formats import arrays_file
from bench.parity.trial import Arrays, Trial
from models import title
from models.graph import Graph

# One question to a backend: its arrays by name, for given weights.
Compute = Callable[[Backend, Settings, Arrays], Arrays]
# Seeds of the disturbances; 0 is float32 as it is. One run alone may be right by luck, and
# would make a budget that nobody else can keep.
NUDGES = (0, 1, 2)
# Taken as well where float32 strays far: the largest of three is uncertain then, and the fourth
# (the backend) was seen four times beyond it (videopose3d, two steps of adam in TensorFlow).
MORE = (3, 4)
FAR = 1e-4  # relative to the array, or to a hundredth of the largest one
LARGE = 2**20  # bytes of one array from which the kept copy is of float32


@dataclass(frozen=True)
class Due:
    """One value as the oracle has it.

    `apart` is the largest absolute difference that float32 NumPy, nudged or not, makes.
    """

    value: np.ndarray
    apart: float


@dataclass(frozen=True)
class Answer:
    """One value as the backend has it, beside what is due."""

    own: np.ndarray
    due: np.ndarray
    apart: float


def asked(
    trial: Trial, question: str, compute: Compute, progress: Progress
) -> dict[str, Answer]:
    """What the backend under test answers, beside what is due.

    `question` names the oracle's file. Raises what the backend raises; an array that it
    leaves out has a shape that nothing has.
    """
    own = compute(trial.backend, trial.settings, trial.start())
    expected = due(trial, question, compute, progress)
    nothing = np.zeros((0, 0, 0))
    return {
        name: Answer(np.asarray(own.get(name, nothing)), one.value, one.apart)
        for name, one in expected.items()
    }


def due(
    trial: Trial, question: str, compute: Compute, progress: Progress
) -> dict[str, Due]:
    """What the oracle answers: kept of an earlier backend, or computed and kept."""
    name = f"{title(trial.spec.name)}-{question}.safetensors"
    file = trial.folder / "oracle" / name
    asked_for = f"{question} {trial.question()}"
    found = _read(file, asked_for)
    if found is None:
        found = computed(trial, compute, lambda text: progress(text, 0.5))
        _write(file, asked_for, found)
    return found


def computed(
    trial: Trial, compute: Compute, say: Callable[[str], None]
) -> dict[str, Due]:
    """The oracle's answer, and the largest distance of several float32 runs from it."""
    say("the oracle in float64")
    exact = compute(trial.oracle, Settings(precision="fp64"), trial.start())
    apart = dict.fromkeys(exact, 0.0)
    for nudge in (*NUDGES, *MORE):
        if nudge in MORE and not _strays(exact, apart):
            break
        say(f"NumPy in float32, disturbance {nudge}")
        rough = compute(trial.oracle, Settings(precision="fp32"), trial.start(nudge))
        # one run at a time: of a large model no two fit beside each other
        for name, value in exact.items():
            apart[name] = max(apart[name], distance(rough[name], value))
    # as it will be read by the next backend: all of them are held to the same numbers
    return {name: Due(narrow(value), apart[name]) for name, value in exact.items()}


def _strays(exact: Arrays, apart: Mapping[str, float]) -> bool:
    """Whether float32 is far from the oracle, as where values lie on an edge."""
    sizes = {name: distance(value, np.zeros(())) for name, value in exact.items()}
    least = max(sizes.values(), default=0.0) / 100
    return any(apart[name] > FAR * max(size, least) for name, size in sizes.items())


def distance(rough: np.ndarray, exact: np.ndarray) -> float:
    """Largest absolute difference; NaN where one has no number."""
    difference = np.asarray(rough, np.float64) - np.asarray(exact, np.float64)
    return float(np.abs(difference).max(initial=0.0))


def called(graph: Graph, feeds: Arrays) -> Compute:
    """Outputs and running statistics of one call, by name."""

    def compute(backend: Backend, settings: Settings, params: Arrays) -> Arrays:
        program = backend.program(graph, settings)
        program.load({name: params[name] for name in graph.params})
        outputs = program({name: feeds[name] for name in (*graph.inputs, *graph.noise)})
        # The state is read after the call, which updates it.
        after = program.params()
        return {**outputs, **{name: after[name] for name in graph.state}}

    return compute


def _read(file: Path, question: str) -> dict[str, Due] | None:
    """What was kept, if it answers the same question."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as held:
            header: Mapping[str, str] = held.metadata() or {}
            if header.get("question") != question:
                return None
            apart: dict[str, float] = json.loads(header["apart"])
            return {name: Due(held.get_tensor(name), apart[name]) for name in apart}
    except (OSError, SafetensorError, KeyError, ValueError):
        return None  # absent or torn: computed anew


def _write(file: Path, question: str, found: Mapping[str, Due]) -> None:
    arrays = {name: one.value for name, one in found.items()}
    apart = {name: one.apart for name, one in found.items()}
    # NaN and infinity are as good as numbers between us
    header = {"question": question, "apart": json.dumps(apart)}
    arrays_file.write(file, arrays, header)


def narrow(array: np.ndarray) -> np.ndarray:
    """What is kept of a value.

    Of gradients of millions of weights, float32: its rounding is a hundredth of any budget.
    """
    if array.nbytes < LARGE or array.dtype != np.float64:
        return np.asarray(array)
    return array.astype(np.float32)

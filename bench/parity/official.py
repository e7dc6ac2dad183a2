"""Golden vectors: what the authors' own code gave, held against a backend.

Outputs, losses, gradients and running statistics.

A file is a safetensors file whose header names the official class and its constructor
arguments; keys are described in `docs/vectors.md`. Which classes there are, the files of the
zoo say (`OFFICIAL`). Each backend runs in a process of its own (`python -m
bench.parity.official BACKEND FILE...` prints JSON).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import models
from backends import load, require
from backends.base import Backend, Settings
from bench.parity import budget
from bench.parity.judging import largest
from bench.processes import question
from models.errors import BadInput, UnknownName
from models.graph import Graph
from models.optim import Optimizer
from models.passes import to_inference
from models.spec import Spec

Arrays = dict[str, np.ndarray]
FLOAT64_BOUND = 1e-10  # the oracle against the authors' code in float64
OUTPUT_BOUND = 2e-5  # float32 outputs and running statistics
GRADIENT_BOUND = 2e-4  # float32 gradients, relative to each tensor's largest value
STRIDED = "_strided"  # ends the keys of VideoPose3D's other train graph


@dataclass(frozen=True)
class Check:
    """One comparison; `error` is relative to the largest value due."""

    file: str
    backend: str
    kind: str
    name: str
    error: float | None
    bound: float
    ok: bool
    note: str = ""


@dataclass(frozen=True)
class Case:
    """A file read: what to build, what to feed, what is due."""

    file: str
    official: str
    config: Mapping[str, Any]
    zero_grads: frozenset[str]
    arrays: Arrays

    def group(self, prefix: str) -> Arrays:
        """Arrays under `prefix/`, without it."""
        return {
            name.removeprefix(f"{prefix}/"): array
            for name, array in self.arrays.items()
            if name.startswith(f"{prefix}/")
        }


def ask(files: Sequence[Path], *, backends: Sequence[str]) -> list[Check]:
    """Check every file on every backend, each backend in a process of its own.

    Raises BadInput where a file is not there, and what `backends.require` raises.
    """
    for name in backends:
        require(name)
    for file in files:
        if not file.is_file():
            raise BadInput(
                f"{file}: no such file; --vectors takes safetensors files of golden vectors"
            )
    # the child runs in the checkout, wherever this process stands
    paths = [str(file.resolve()) for file in files]
    rows = []
    for name in backends:
        rows += question.ask("bench.parity.official", [name, *paths])
    return [Check(**row) for row in rows]


def check_file(path: Path, backend: Backend) -> list[Check]:
    """Every comparison of one file.

    A model that is not in the zoo is a failed check that says so.
    """
    case = read(path)
    try:
        spec = models.from_official(case.official, case.config)
    except UnknownName as error:
        return [_not_built(case, backend, str(error))]
    except (KeyError, TypeError) as error:
        reason = f"constructor arguments do not fit: {type(error).__name__} {error}"
        return [_not_built(case, backend, reason)]
    judge = _Judge(case, backend)
    try:
        judge.variant(spec, "")
        if any(name.endswith(STRIDED) for name in case.group("eval64")):
            judge.variant(_strided(spec), STRIDED)
    except KeyError as error:
        raise BadInput(
            f"{path}: holds no array {error}, which a file of golden vectors of"
            f" {case.official} has"
        ) from None
    return judge.checks


def _not_built(case: Case, backend: Backend, reason: str) -> Check:
    return Check(
        file=case.file,
        backend=backend.name,
        kind="model",
        name=case.official,
        error=None,
        bound=0.0,
        ok=False,
        note=reason,
    )


def _strided(spec: Spec) -> Spec:
    """The same model with the strided train graph, on the same weights.

    Its inference graph is then derived from that one, so that both are compared.
    """
    file = models.module(spec.name)
    sizes = replace(file.Size(**spec.config), strided=True)
    # from_official trains on plain MPJPE, as the files do
    strided = models.assemble(file, sizes, loss={"mpjpe": 1.0})
    return replace(strided, infer=to_inference(strided.train, outputs=["pose"]))


def read(path: Path) -> Case:
    """Read a file. Raises BadInput where it is no file of golden vectors."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            names = list(file.keys())  # the file itself cannot be iterated
            arrays = {name: file.get_tensor(name) for name in names}
        return Case(
            file=path.name,
            official=header["model"],
            config=json.loads(header["config"]),
            zero_grads=frozenset(json.loads(header["zero_grad_params"])),
            arrays=arrays,
        )
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BadInput(
            f"{path}: not a file of golden vectors: {' '.join(str(error).split())}; a"
            " safetensors header with model and config was due"
        ) from None


class _Judge:
    """Collects the checks of one file on one backend."""

    def __init__(self, case: Case, backend: Backend) -> None:
        self.case = case
        self.backend = backend
        self.checks: list[Check] = []
        # The oracle is held to what the authors' code gave in float64, the others to float32.
        self.exact = backend.name == "numpy"
        self.settings = Settings(precision="fp64" if self.exact else "fp32")
        self.output_bound = FLOAT64_BOUND if self.exact else OUTPUT_BOUND

    def variant(self, spec: Spec, suffix: str) -> None:
        """Outputs, loss, gradients and statistics of one pair of graphs.

        `suffix` marks the keys of another train graph.
        """
        arrays = self.case.arrays
        feeds = {
            "keypoints": arrays[f"input/x{suffix}"],
            "target": arrays[f"input/target{suffix}"],
        }
        self._outputs(spec, feeds["keypoints"], suffix)
        params = {
            name: arrays[f"param/{name}"]
            for name in spec.train.params
            if f"param/{name}" in arrays
        }
        # The rule does not matter: no step is made.
        trainer = self.backend.trainer(
            spec.train, Optimizer("sgd", 0.0, 0.0), self.settings
        )
        trainer.program.load(params)
        loss, grads = trainer.gradients(trainer.program.put(feeds))
        self._train_output(spec, params, feeds, suffix)
        self._loss(np.array(loss), suffix)
        self._gradients(grads, suffix)
        # read last: one call of the train graph has moved the running statistics
        self._state(trainer.program.params(), suffix)

    def _outputs(self, spec: Spec, keypoints: np.ndarray, suffix: str) -> None:
        """The pose, and whatever else the authors' code showed on the way to it."""
        exact = self.case.group("eval64")
        for name in self.case.group("eval"):
            if name.endswith(STRIDED) != bool(suffix):
                continue
            plain = name.removesuffix(STRIDED)
            graph = _graph(spec, "pose" if plain == "out" else plain)
            program = self.backend.program(graph, self.settings)
            # here a missing array is an error, where training may leave one at its start
            program.load(
                {key: self.case.arrays[f"param/{key}"] for key in graph.params}
            )
            (value,) = program({"keypoints": keypoints}).values()
            self._add("output", name, value, exact[name], self.output_bound)

    def _train_output(
        self,
        spec: Spec,
        params: Arrays,
        feeds: Arrays,
        suffix: str,
    ) -> None:
        """The train graph's pose; the files hold it in float32 only."""
        program = self.backend.program(spec.train.with_outputs("pose"), self.settings)
        program.load(params)
        name = f"train{suffix}/out"
        self._add(
            "output", name, program(feeds)["pose"], self.case.arrays[name], OUTPUT_BOUND
        )

    def _loss(self, loss: np.ndarray, suffix: str) -> None:
        due = self.case.arrays[f"train64{suffix}/loss"]
        self._add("loss", f"loss{suffix}", loss, due, self.output_bound)

    def _gradients(self, grads: Arrays, suffix: str) -> None:
        exact = self.case.group(f"grad64{suffix}")
        rough = self.case.group(f"grad{suffix}")
        most = max(largest(array) for array in rough.values())
        for name, array in rough.items():
            # some files hold the gradients of some tensors in float32 only
            bound = FLOAT64_BOUND if self.exact and name in exact else GRADIENT_BOUND
            # one that is zero by mathematics is judged against the largest of the file
            scale = most if name in self.case.zero_grads else 0.0
            due = exact.get(name, array)
            self._add(
                "gradient", name + suffix, grads.get(name), due, bound, scale=scale
            )

    def _state(self, state: Arrays, suffix: str) -> None:
        for name, array in self.case.group(f"train_after{suffix}").items():
            self._add("state", name + suffix, state.get(name), array, OUTPUT_BOUND)

    def _add(
        self,
        kind: str,
        name: str,
        value: np.ndarray | None,
        due: np.ndarray,
        bound: float,
        *,
        scale: float = 0.0,
    ) -> None:
        error = float("inf")
        if value is not None:
            error = budget.error(np.asarray(value), due, scale=scale)
        told = bool(np.isfinite(error))
        found = Check(
            file=self.case.file,
            backend=self.backend.name,
            kind=kind,
            name=name,
            error=error if told else None,  # JSON has no infinity
            bound=bound,
            ok=bool(error <= bound),
            note="" if told else "not produced, or of another shape, or not finite",
        )
        self.checks.append(found)


def _graph(spec: Spec, output: str) -> Graph:
    """The pose is the inference graph's own.

    Anything else is asked of the train graph, made still.
    """
    return (
        spec.infer if output == "pose" else to_inference(spec.train, outputs=[output])
    )


def examine(arguments: Sequence[str]) -> list[dict[str, Any]]:
    """The child: one backend, some files."""
    name, *files = arguments
    backend = load(name)
    return [
        asdict(check) for file in files for check in check_file(Path(file), backend)
    ]


if __name__ == "__main__":
    sys.exit(question.answer(examine))

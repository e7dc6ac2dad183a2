"""Golden vectors: outputs, losses, gradients and running statistics that the authors' own
code gave, held against a backend.

A file is a safetensors file whose header names the official class and its constructor
arguments; keys are described in `docs/vectors.md`. Each backend runs in a process of its
own (`python -m bench.parity.official BACKEND FILE...` prints JSON).
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
from backends.base import Backend, Settings
from bench.parity import budget
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


def compare(files: Sequence[Path], *, backends: Sequence[str], as_json: bool) -> int:
    """Check every file on every backend, print what was found; 1 where a check fails."""
    from backends import installed, require
    from bench.commands._cells import table

    wanted = installed() if "all" in backends else list(backends)
    for name in wanted:
        require(name)
    for file in files:
        if not file.is_file():
            raise BadInput(
                f"{file}: no such file; --vectors takes safetensors files of golden vectors"
            )
    paths = [str(file.resolve()) for file in files]
    checks = [
        Check(**row)
        for name in wanted
        for row in question.ask("bench.parity.official", [name, *paths])
    ]
    ok = bool(checks) and all(check.ok for check in checks)
    if as_json:
        print(json.dumps({"ok": ok, "checks": [asdict(check) for check in checks]}))
    else:
        table(
            ("file", "backend", "kind", "name", "error", "bound", "ok"),
            [_row(check) for check in checks],
        )
        print(f"{sum(check.ok for check in checks)} of {len(checks)} checks hold")
    return 0 if ok else 1


def check_file(path: Path, backend: Backend) -> list[Check]:
    """Every comparison of one file.

    A model that is not in the zoo is a failed check that says so.
    """
    case = read(path)
    try:
        spec = models.from_official(case.official, case.config)
    except UnknownName as error:
        return [
            Check(
                case.file,
                backend.name,
                "model",
                case.official,
                None,
                0.0,
                False,
                str(error),
            )
        ]
    except (KeyError, TypeError) as error:
        reason = f"constructor arguments do not fit: {type(error).__name__} {error}"
        return [
            Check(case.file, backend.name, "model", case.official, None, 0.0, False, reason)
        ]
    judge = _Judge(case, backend)
    try:
        judge.variant(spec, "")
        if any(name.endswith("_strided") for name in case.group("eval64")):
            strided = models.assemble(
                models.module(spec.name),
                replace(_sizes(spec), strided=True),
                loss={"mpjpe": 1.0},
            )
            judge.variant(
                replace(strided, infer=to_inference(strided.train, outputs=["pose"])),
                "_strided",
            )
    except KeyError as error:
        raise BadInput(
            f"{path}: holds no array {error}, which a file of golden vectors of"
            f" {case.official} has"
        ) from None
    return judge.checks


def read(path: Path) -> Case:
    """Read a file. Raises BadInput where it is no file of golden vectors."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            # not a dict
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        zero = frozenset(json.loads(header["zero_grad_params"]))
        return Case(path.name, header["model"], json.loads(header["config"]), zero, arrays)
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
        self.exact = backend.name == "numpy"
        self.settings = Settings(precision="fp64" if self.exact else "fp32")

    def variant(self, spec: Spec, suffix: str) -> None:
        """Outputs, loss, gradients and statistics of one pair of graphs; `suffix` marks the
        keys of another train graph.
        """
        feeds = {
            "keypoints": self.case.arrays[f"input/x{suffix}"],
            "target": self.case.arrays[f"input/target{suffix}"],
        }
        self._outputs(spec, feeds, suffix)
        params = {
            name: self.case.arrays[f"param/{name}"]
            for name in spec.train.params
            if f"param/{name}" in self.case.arrays
        }
        trainer = self.backend.trainer(
            spec.train, Optimizer("sgd", 0.0, 0.0), self.settings
        )
        trainer.program.load(params)
        loss, grads = trainer.gradients(trainer.program.put(feeds))
        self._train_output(spec, params, feeds, suffix)
        self._loss(np.array(loss), suffix)
        self._gradients(grads, suffix)
        self._state(trainer.program.params(), suffix)

    def _outputs(self, spec: Spec, feeds: Arrays, suffix: str) -> None:
        exact = self.case.group("eval64")
        for name in self.case.group("eval"):
            if name.endswith("_strided") != bool(suffix):
                continue
            plain = name.removesuffix("_strided")
            graph = self._graph(spec, "pose" if plain == "out" else plain)
            program = self.backend.program(graph, self.settings)
            program.load({key: self.case.arrays[f"param/{key}"] for key in graph.params})
            (value,) = program({"keypoints": feeds["keypoints"]}).values()
            self._add(
                "output",
                name,
                value,
                exact[name],
                FLOAT64_BOUND if self.exact else OUTPUT_BOUND,
            )

    def _train_output(self, spec: Spec, params: Arrays, feeds: Arrays, suffix: str) -> None:
        """The train graph's pose; the files hold it in float32 only."""
        program = self.backend.program(spec.train.with_outputs("pose"), self.settings)
        program.load(params)
        self._add(
            "output",
            f"train{suffix}/out",
            program(feeds)["pose"],
            self.case.arrays[f"train{suffix}/out"],
            OUTPUT_BOUND,
        )

    def _graph(self, spec: Spec, output: str) -> Graph:
        return (
            spec.infer if output == "pose" else to_inference(spec.train, outputs=[output])
        )

    def _loss(self, loss: np.ndarray, suffix: str) -> None:
        due = self.case.arrays[f"train64{suffix}/loss"]
        self._add(
            "loss",
            f"loss{suffix}",
            loss,
            due,
            FLOAT64_BOUND if self.exact else OUTPUT_BOUND,
        )

    def _gradients(self, grads: Arrays, suffix: str) -> None:
        exact, rough = self.case.group(f"grad64{suffix}"), self.case.group(f"grad{suffix}")
        largest = max(float(np.abs(array).max(initial=0.0)) for array in rough.values())
        for name, array in rough.items():
            bound = FLOAT64_BOUND if self.exact and name in exact else GRADIENT_BOUND
            scale = largest if name in self.case.zero_grads else 0.0
            self._add(
                "gradient",
                name + suffix,
                grads.get(name),
                exact.get(name, array),
                bound,
                scale=scale,
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
        error = (
            float("inf")
            if value is None
            else budget.error(np.asarray(value), due, scale=scale)
        )
        finite = error if np.isfinite(error) else None
        note = (
            "" if finite is not None else "not produced, or of another shape, or not finite"
        )
        self.checks.append(
            Check(
                self.case.file,
                self.backend.name,
                kind,
                name,
                finite,
                bound,
                bool(error <= bound),
                note,
            )
        )


def _sizes(spec: Spec) -> Any:
    return models.module(spec.name).Size(**spec.config)


def _row(check: Check) -> tuple[str, ...]:
    error = check.note or "not finite" if check.error is None else f"{check.error:.2e}"
    return (
        check.file,
        check.backend,
        check.kind,
        check.name,
        error,
        f"{check.bound:.0e}",
        "ok" if check.ok else "FAILED",
    )


def examine(arguments: Sequence[str]) -> list[dict[str, Any]]:
    """The child: one backend, some files."""
    import backends

    backend = backends.load(arguments[0])
    return [
        asdict(check) for file in arguments[1:] for check in check_file(Path(file), backend)
    ]


if __name__ == "__main__":
    sys.exit(question.answer(examine))

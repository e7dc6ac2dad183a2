"""Golden vectors: what the authors' own code gave, held against a backend.

Outputs, losses, gradients and running statistics.

A file is a safetensors file whose header names the official class and its constructor
arguments; keys are described in `docs/vectors.md`. Which classes there are, the files of the
zoo say (`OFFICIAL`). Each backend runs in a process of its own (`python -m
bench.parity.official BACKEND DEVICE FILE...` prints JSON).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backends import load, require
from backends.base import (
    FASTEST_FIRST,
    Backend,
    Settings,
    Trainer,
    gradient_trainer,
)
from bench.parity import budget
from bench.parity.judging import largest
from bench.parity.rungs.gradient import NEAR_ZERO
from bench.processes import question
from models import golden
from models.errors import BadInput, UnknownName
from models.golden import Golden, Shown, Tables
from models.graph import Graph

Arrays = dict[str, np.ndarray]
FLOAT64_BOUND = 1e-10  # the oracle against the authors' code in float64
OUTPUT_BOUND = 2e-5  # float32 outputs and running statistics
TABLES = ("graph/", "graph64/")  # of what is no network's answer but a constant
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


def ask(
    files: Sequence[Path], *, backends: Sequence[str], device: str = "cpu"
) -> list[Check]:
    """Check every file on every backend, each backend in a process of its own.

    Raises BadInput where a file is not there, UnknownName for a kind of device, Missing where a
    backend has no such device here, and what `backends.require` raises.
    """
    if device not in (kinds := ("auto", *FASTEST_FIRST)):
        raise UnknownName("device", device, kinds)
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
        rows += question.ask("bench.parity.official", [name, device, *paths])
    return [Check(**row) for row in rows]


def check_file(path: Path, backend: Backend, device: str = "cpu") -> list[Check]:
    """Every comparison of one file, on a kind of device (cpu, cuda, mps).

    A model that is not in the zoo is a failed check that says so.
    """
    case = read(path)
    judge = _Judge(case, backend, device)
    try:
        try:
            goldens = golden.read(case.official, case.config, case.arrays)
        except BadInput as error:
            return [_failed(case, backend, "model", case.official, str(error))]
        for one in goldens:
            judge.told(one)
    except KeyError as error:
        raise BadInput(
            f"{path}: holds no array {error}, which a file of golden vectors of"
            f" {case.official} has"
        ) from None
    pairs = [one for one in goldens if isinstance(one, Golden)]
    compared = {name for one in pairs for name in one.outputs}
    left = [name for name in case.group("eval") if name not in compared]
    reason = "shown by the file, and no graph of the zoo gives it"
    lost = [_failed(case, backend, "output", name, reason) for name in left]
    return judge.checks + lost


def _failed(case: Case, backend: Backend, kind: str, name: str, reason: str) -> Check:
    return Check(
        file=case.file,
        backend=backend.name,
        kind=kind,
        name=name,
        error=None,
        bound=0.0,
        ok=False,
        note=reason,
    )


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
            # a file of constants has no parameters
            zero_grads=frozenset(json.loads(header.get("zero_grad_params", "[]"))),
            arrays=arrays,
        )
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BadInput(
            f"{path}: not a file of golden vectors: {' '.join(str(error).split())}; a"
            " safetensors header with model and config was due"
        ) from None


class _Judge:
    """Collects the checks of one file on one backend."""

    def __init__(self, case: Case, backend: Backend, device: str) -> None:
        self.case = case
        self.backend = backend
        self.checks: list[Check] = []
        self._plain: dict[int, list[Arrays]] = {}  # NumPy's gradients in float32 and 64
        # The oracle is held to what the authors' code gave in float64, the others to float32.
        self.exact = backend.name == "numpy"
        precision = "fp64" if self.exact else "fp32"
        self.settings = Settings(device=device, precision=precision)
        self.output_bound = FLOAT64_BOUND if self.exact else OUTPUT_BOUND

    def told(self, one: Golden | Tables) -> None:
        """All that a file says of a pair of graphs, or of constants."""
        if isinstance(one, Golden):
            self.pair(one)
            return
        shown = {key for key in self.case.arrays if key.startswith(TABLES)}
        for name in sorted(shown | one.made.keys()):
            # the backend has no part in them: they are the graph's own
            came, due = one.made.get(name), self.case.arrays[name]
            self._add("table", name, came, due, FLOAT64_BOUND)

    def pair(self, one: Golden) -> None:
        """Outputs, loss, gradients and statistics of one pair of graphs."""
        exact = self.case.group("eval64")
        for name, shown in one.outputs.items():
            came = self._output(one, shown)
            # of some the files hold float32 only
            due, bound = self.case.arrays[f"eval/{name}"], OUTPUT_BOUND
            if name in exact:
                due, bound = exact[name], self.output_bound
            self._add("output", name, came, due, bound)
        for name, shown in one.trained.items():
            # the files hold what train graphs give in float32 only
            key = f"train{one.suffix}/{name}"
            due = self.case.arrays[key]
            self._add("output", key, self._output(one, shown), due, OUTPUT_BOUND)
        self._learnt(one)

    def _output(self, one: Golden, shown: Shown) -> np.ndarray:
        program = self.backend.program(shown.graph, self.settings)
        # a missing array is an error here, where training may leave one at its start
        program.load(self._params(one, shown.graph))
        (value,) = program(_fed(shown.graph, one.feeds)).values()
        return shown.layout(value)

    def _learnt(self, one: Golden) -> None:
        suffix = one.suffix
        trainer, loss, grads = self._differentiated(one, self.backend, self.settings)
        due = self.case.arrays[f"train64{suffix}/loss"]
        self._add("loss", f"loss{suffix}", np.array(loss), due, self.output_bound)
        self._gradients(_called(grads, one), one)
        # read last: one call of the train graph has moved the running statistics
        self._state(_called(trainer.program.params(), one), suffix)

    def _differentiated(
        self, one: Golden, backend: Backend, settings: Settings
    ) -> tuple[Trainer, float, Arrays]:
        """A trainer that has made one call, its loss and its gradients by our names."""
        graph = one.spec.train
        trainer = gradient_trainer(backend, graph, settings)
        trainer.program.load(self._params(one, graph))
        feeds = trainer.program.put(_fed(graph, one.feeds))
        loss, grads = trainer.gradients(feeds)
        return trainer, loss, dict(grads)

    def _params(self, one: Golden, graph: Graph) -> Arrays:
        return {
            name: self.case.arrays[f"param/{one.key(name)}"] for name in graph.params
        }

    def _gradients(self, grads: Arrays, one: Golden) -> None:
        suffix = one.suffix
        exact = self.case.group(f"grad64{suffix}")
        rough = self.case.group(f"grad{suffix}")
        most = max(map(largest, rough.values()), default=0.0)
        for name, array in rough.items():
            # some files hold the gradients of some tensors in float32 only
            digits = self.exact and name in exact
            bound = FLOAT64_BOUND if digits else GRADIENT_BOUND
            # Float32 leaves of a small tensor, a sum that cancels, what it does on the ladder;
            # of one that is zero by mathematics nothing, and all of the file is its scale.
            scale = 0.0 if digits else NEAR_ZERO * most
            if name in self.case.zero_grads:
                scale = most
            due, came = exact.get(name, array), grads.get(name)
            if came is not None and not self.exact:
                bound = self._widened(bound, one, name, came, due, scale)
            self._add("gradient", name + suffix, came, due, bound, scale=scale)

    def _widened(
        self,
        bound: float,
        one: Golden,
        name: str,
        came: np.ndarray,
        due: np.ndarray,
        scale: float,
    ) -> float:
        """The bound; where it is missed, the ladder's, which asks float32 NumPy what can be due."""
        if budget.error(came, due, scale=scale) <= bound:
            return bound
        if id(one) not in self._plain:
            found = (
                self._differentiated(one, load("numpy"), Settings(precision=precision))
                for precision in ("fp32", "fp64")
            )
            self._plain[id(one)] = [_called(grads, one) for _, _, grads in found]
        # of the same numbers: whatever is wrong with the file is wrong with both
        plain, true = (grads[name] for grads in self._plain[id(one)])
        rough = budget.error(plain, true, scale=scale)
        return max(bound, budget.FACTOR * rough)

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


def _fed(graph: Graph, feeds: Mapping[str, np.ndarray]) -> Arrays:
    """Of all that a file feeds, what a graph takes."""
    return {name: feeds[name] for name in (*graph.inputs, *graph.noise)}


def _called(arrays: Mapping[str, np.ndarray], one: Golden) -> Arrays:
    """Arrays by parameter, under the names that the file has for them."""
    return {one.key(name): array for name, array in arrays.items()}


def examine(arguments: Sequence[str]) -> list[dict[str, Any]]:
    """The child: one backend, some files."""
    name, asked, *files = arguments
    backend = load(name)
    device = backend.device(asked)
    found = []
    for number, file in enumerate(files):
        # many files take longer than anything may be silent
        question.tell(file, number / len(files))
        found += check_file(Path(file), backend, device)
    return [asdict(check) for check in found]


if __name__ == "__main__":
    sys.exit(question.answer(examine))

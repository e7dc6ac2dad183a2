"""The measured manifest of a backend that is here: what it was seen to do, in a manifest's words.

The framework runs in a process of its own (`python -m bench.feasibility.probe NAME`). What the
declaration calls a kernel is one that has answered the exam's first case right.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import backends
from backends.base import Backend, Settings, Unsupported
from bench.config import Config
from bench.coordinator.job import Job
from bench.exam import task as exam
from bench.exam.settings import Exam
from bench.feasibility import wheels
from bench.feasibility.holding import MOST_RANK
from bench.processes import contract, machine, question
from bench.processes.blame import RAISED
from bench.processes.contract import Watch
from bench.records import Exam as Answered
from bench.records import SemanticsRow
from bench.semantics import catalogue, probing
from models import Builder, Graph, optim
from models.optim import Optimizer

# the first case of each op in each type: whether a kernel is there, not how well it is made
SHORT = Exam(cases=1, variants="none", numbers="none", typed="first")
MOST = 400  # characters of a reason
NEAR = 1e-4  # of a step of 0.1: another rule is further off than rounding
CPU = Settings()


def ask(
    name: str, progress: Callable[[str, float], None]
) -> tuple[dict[str, Any], list[SemanticsRow]]:
    """The manifest of a backend, and its semantics probe by probe.

    Raises as `backends.require` does, PosePortError if it dies.
    """
    backends.require(name)
    found = question.ask("bench.feasibility.probe", [name], progress)
    rows = [SemanticsRow.model_validate(row) for row in found["semantics"]]
    return found["manifest"], rows


def manifest(
    backend: Backend, about: dict[str, Any], seen: Sequence[SemanticsRow] = ()
) -> dict[str, Any]:
    """What a backend does on the CPU; `about` says what its distribution is called.

    `seen` are its semantics as probed.
    """
    rows = _exam(backend).rows
    floats = [row for row in rows if row.dtype in ("float32", "int64", "bool")]
    wrong = {row.op: row.note for row in floats if row.result != "passed"}
    right = {row.op for row in floats} - wrong.keys()
    known = sorted(right & set(backend.kernels))
    lacks = {
        op: note[:MOST] or "the exam's first case is answered wrongly"
        for op, note in sorted(wrong.items())
        if op in backend.kernels
    }
    lacks |= {op: why[:MOST] for op, why in backend.gaps.items() if op not in known}
    features = backend.features()
    return {
        "name": f"{backend.name}-measured",
        **about,
        "ops": known,
        "lacks": dict(sorted(lacks.items())),
        "others": "no",
        "rank": _rank(backend),
        "dynamic_shapes": _word(_open_axis(backend)),
        "dtypes": sorted({row.dtype for row in rows if _is_right(row)}),
        "autograd": _word(features.get("autograd", "yes").startswith("yes")),
        "optimizers": [rule for rule in optim.RULES if _optimizes(backend, rule)],
        "semantics": _semantics(seen, lacks),
        "inference_graph": "yes",
        "devices": [kind for kind, why in backend.devices().items() if not why],
        "notes": [f"{name}: {said}"[:MOST] for name, said in features.items()],
    }


def _semantics(
    seen: Sequence[SemanticsRow], lacks: Mapping[str, str]
) -> dict[str, str]:
    """What is plain, but for ops that are not there, be it for a wrong answer."""
    table = catalogue.table()
    plain = {row.probe: row.probed[0] for row in seen if len(row.probed) == 1}
    return {
        probe: variant
        for probe, variant in plain.items()
        if not (table[probe].ops and set(table[probe].ops) <= lacks.keys())
    }


def _exam(backend: Backend) -> Answered:
    config = Config(backend=(backend.name,), exam=SHORT)
    job = Job(
        task="shape_ops", backend=backend.name, model="", config=config, folder=Path()
    )
    found = exam.run(job, backend, "cpu", question.tell).payload
    assert isinstance(found, Answered)
    return found


def _is_right(row: Any) -> bool:
    return row.question == "value" and row.result == "passed"


def _word(there: bool) -> str:
    return "yes" if there else "no"


def _works(attempt: Callable[[], bool]) -> bool:
    """Whether something comes out right; what raises does not."""
    try:
        return attempt()
    except (Unsupported, *RAISED):
        return False


def _rank(backend: Backend) -> int:
    """The highest at which elements are added and axes turned round."""
    found = 0
    for rank in range(1, MOST_RANK + 1):
        if not _works(lambda rank=rank: _turned(backend, rank)):  # type: ignore[misc]
            break
        found = rank
    return found


def _turned(backend: Backend, rank: int) -> bool:
    shape = tuple(range(2, 2 + rank))
    g = Builder("rank")
    x = g.input("x", shape)
    order = tuple(reversed(range(rank)))
    g.output("y", (x + x).permute_dims(order))
    given = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 7
    came = backend.program(g.finish(), CPU)({"x": given})["y"]
    return np.array_equal(came, (given + given).transpose(order))


def _open_axis(backend: Backend) -> bool:
    """Whether one program takes two lengths."""

    def two() -> bool:
        g = Builder("open")
        g.output("y", g.input("x", ("batch", 3)) + 1.0)
        program = backend.program(g.finish(), CPU)
        given = [np.ones((length, 3), np.float32) for length in (2, 5)]
        return all(np.array_equal(program({"x": x})["y"], x + 1) for x in given)

    return _works(two)


def _optimizes(backend: Backend, rule: str) -> bool:
    """Whether a step of a rule is that of the written one."""

    def steps() -> bool:
        optimizer = Optimizer(rule, lr=0.1, weight_decay=0.01)
        graph, start = _line()
        trainer = backend.trainer(graph, optimizer, CPU)
        trainer.program.load({"w": start})
        grad = np.array([0.5, -2.0, 0.25], np.float32)
        trainer.apply({"w": grad})
        slots = tuple(np.zeros_like(start) for _ in range(optimizer.slots()))
        due, _ = optimizer.update(start, grad, slots, 1)
        return bool(np.allclose(trainer.program.params()["w"], due, rtol=0, atol=NEAR))

    return _works(steps)


def _line() -> tuple[Graph, np.ndarray]:
    g = Builder("line")
    w = g.param("w", (3,), init=("ones", 0.0))
    g.output("loss", (g.input("x", (3,)) * w).sum(axis=(0,), keepdims=False))
    return g.finish(), np.array([1.0, 2.0, -1.0], np.float32)


def about(name: str) -> dict[str, Any]:
    """Version and wheels of a backend's first distribution, as that says itself."""
    wanted = backends.distributions(name)
    if not wanted:
        return {}
    found = machine.distribution(wanted[0])
    if found is None:
        return {}
    built = wheels.installed(wanted[:1]).get(wanted[0])
    tables = {one: list(of) for one, of in (built or {}).items()}
    return {"version": found.version} | ({"wheels": tables} if tables else {})


def main(arguments: Sequence[str]) -> dict[str, Any]:
    """The child's answer."""
    name = arguments[0]
    backend = contract.loaded(name, Watch())
    seen = list(probing.rows(backend, "cpu"))
    rows = [row.model_dump() for row in seen]
    return {"manifest": manifest(backend, about(name), seen), "semantics": rows}


if __name__ == "__main__":
    sys.exit(question.answer(main))

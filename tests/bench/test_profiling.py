"""Each call of a model is timed by itself, and a backend that lags is told by what."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

import backends
from backends.base import Backend, Breach
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench import config
from bench.coordinator.job import Finding, Job
from bench.processes import contract
from bench.profiling import task
from bench.records import Profile, ProfileRow, Record
from reports.sections import profile as section


def ask(model: str, backend: Backend) -> Finding:
    asked = config.validate(
        {
            "backend": ["numpy"],
            "models": [model],
            "throughput": {"rounds": 3, "batches": [2], "seconds": 1e-4},
        }
    )
    job = Job(task="profile", backend="numpy", model=model, config=asked, folder=Path())
    ticks = count()
    # half a second a look: every call takes as long, whatever the host does
    clock = lambda: next(ticks) / 2  # noqa: E731
    return task.run(job, backend, "cpu", lambda text, share: None, clock=clock)


@pytest.fixture
def numpy() -> Backend:
    return backends.load("numpy")


def test_each_call_that_differs_is_timed_with_its_line(numpy: Backend) -> None:
    found = ask("videopose3d", numpy)
    assert found.status == "ok"
    assert isinstance(found.payload, Profile)
    rows = found.payload.rows
    assert {"conv", "batch_norm", "relu"} <= {row.op for row in rows}
    assert all(row.where.startswith("models/zoo/videopose3d.py:") for row in rows)
    assert all(row.seconds == 0.5 for row in rows)
    costs = [row.count for row in rows]
    assert costs == sorted(costs, reverse=True), "what takes longest in all comes first"
    assert max(costs) > 1 and found.payload.whole == 0.5


def test_a_call_that_raises_has_no_time_and_the_rest_has(
    numpy: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = numpy.program

    def refusing(graph: object, settings: object) -> object:
        if getattr(graph, "name", "") == "relu":
            raise RuntimeError("no such thing")
        return made(graph, settings)  # type: ignore[arg-type]

    monkeypatch.setattr(numpy, "program", refusing)
    found = ask("videopose3d", numpy)
    assert found.status == "failed" and "relu: " in found.reason
    assert isinstance(found.payload, Profile)
    lost = [row for row in found.payload.rows if row.seconds is None]
    assert {row.op for row in lost} == {"relu"} and "no such thing" in lost[0].note


def profiled(backend: str, whole: float, **ops: float) -> tuple[Record, Profile]:
    rows = tuple(
        ProfileRow(op=op, where=f"m.py:{i}", shapes=((2,),), count=2, seconds=seconds)
        for i, (op, seconds) in enumerate(ops.items())
    )
    payload = Profile(rows=rows, whole=whole, batch=2, frames=1)
    record = Record(
        task="profile", backend=backend, model="m", status="ok", payload=payload
    )
    return record, payload


def said(*found: tuple[Record, Profile]) -> list[str]:
    lines = section.behind(list(found))
    return ["".join(str(getattr(part, "text", part)) for part in one) for one in lines]


def test_what_lags_is_told_by_the_op_that_loses_most() -> None:
    fast = profiled("a", 1.0, conv=0.2, relu=0.1)
    slow = profiled("b", 1.6, conv=0.5, relu=0.1)
    near = profiled("c", 1.4, conv=0.4, relu=0.1)
    (line,) = said(fast, slow, near)
    assert line.startswith("b takes 1.6 times as long as a: most is lost in conv")
    assert line.endswith("at m.py:0")


def test_what_no_call_explains_is_not_laid_on_one() -> None:
    fast, slow = profiled("a", 1.0, conv=0.2), profiled("b", 2.0, conv=0.2)
    (line,) = said(fast, slow)
    assert line.endswith("outside of its calls, 1,000 of the 1,000 ms between them")


def test_what_gives_no_outputs_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NumpyProgram, "run", lambda self, feeds: None)
    watching = contract.watched(NumpyBackend(), contract.Watch())
    with pytest.raises(Breach, match=r"NumpyProgram\.run gave None; a dict of native"):
        ask("simple_baseline", watching)

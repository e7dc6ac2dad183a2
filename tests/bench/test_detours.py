"""A way round is timed beside its kernel at the shapes of a model; or it says why not."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
import pytest

import backends
from backends.base import Backend, Program, Settings
from bench import config
from bench.coordinator.job import Finding, Job
from bench.coordinator.spec import spec_of
from bench.detours import task
from bench.feasibility import routes
from bench.records import Detours
from bench.speed import alone
from models import Builder, Graph
from models.opening import Call
from models.value import emit


def job(model: str) -> Job:
    asked = config.validate(
        {
            "backend": ["numpy"],
            "models": [model],
            "throughput": {"rounds": 3, "train_batch": 2, "seconds": 1e-4},
        }
    )
    return Job(
        task="detours", backend="numpy", model=model, config=asked, folder=Path()
    )


def ask(model: str, backend: Backend) -> Finding:
    ticks = count()
    return task.run(
        job(model),
        backend,
        "cpu",
        lambda text, share: None,
        # half a second a look: every call takes as long, whatever the host does
        clock=lambda: next(ticks) / 2,
    )


@pytest.fixture
def numpy() -> Backend:
    return backends.load("numpy")


def test_each_op_with_a_way_round_is_timed_at_the_models_own_shapes(
    numpy: Backend,
) -> None:
    found = ask("videopose3d", numpy)
    assert found.status == "ok"
    assert isinstance(found.payload, Detours)
    [row] = found.payload.rows
    assert row.op == "conv" and row.count > 1
    # (batch, channels, time) and (out, in, kernel)
    assert row.shapes[0][0] == 2 and len(row.shapes[1]) == 3
    assert row.kernel is not None and row.route is not None
    assert row.ratio == row.low == row.high == 1.0


def test_what_a_fused_op_comes_down_to_is_timed_too(numpy: Backend) -> None:
    found = ask("motionbert", numpy)
    assert isinstance(found.payload, Detours)
    assert [row.op for row in found.payload.rows] == ["erf"]


def test_a_way_round_that_computes_something_else_has_no_time(
    numpy: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes.table()["erf"], "route", lambda x: x)
    found = ask("motionbert", numpy)
    assert isinstance(found.payload, Detours)
    [row] = found.payload.rows
    assert row.ratio is None and row.note.startswith("kernel and way round differ by")
    assert found.status == "invalid" and "erf: kernel and" in found.reason


def test_what_raises_is_told_and_the_rest_goes_on(
    numpy: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = type(numpy).program

    def refuse(self: Backend, graph: Graph, *given: object) -> object:
        if graph.name == "conv":
            raise RuntimeError("no such thing")
        return program(self, graph, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(type(numpy), "program", refuse)
    # one of two rows: what is asked first cannot be made
    of = {"erf": largest("motionbert"), "conv": largest("videopose3d")}
    found = {name: of[name][name] for name in ("conv", "erf")}
    monkeypatch.setattr(task, "_largest", lambda *given: found)
    told = ask("motionbert", numpy)
    assert told.status == "failed" and "no such thing" in told.reason
    assert isinstance(told.payload, Detours)
    first, second = told.payload.rows
    assert first.ratio is None and "no such thing" in first.note
    assert second.op == "erf" and second.ratio == 1.0 and not second.note


def largest(model: str) -> dict[str, tuple[Call, int]]:
    spec = spec_of(job(model))
    return task._largest(spec.train, {"batch": 2, "frames": spec.frames})


def test_a_small_answer_is_held_to_its_own_size() -> None:
    small = np.full(3, 1e-4)
    assert task.apart(small, -small) == pytest.approx(2.0)
    assert task.apart(small, small) == task.apart(0 * small, 0 * small) == 0.0
    assert task.apart(0 * small, small) == np.inf
    assert np.isnan(task.apart(small, np.nan * small))


def test_every_answer_of_a_way_round_is_compared(
    numpy: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = task._Pair.__new__(task._Pair)
    programs = [two(numpy, times) for times in (1.0, 2.0)]
    given = {"x": np.ones((2,), np.float32)}
    monkeypatch.setattr(
        found, "_pairs", [(one, one.put(given)) for one in programs], raising=False
    )
    assert found.apart() == 1.0


def two(numpy: Backend, times: float) -> Program:
    """A program whose second answer alone goes by `times`."""
    g = Builder("two")
    x = g.input("x", (2,))
    g.output("y0", x)
    g.output("y1", x * times)
    return numpy.program(g.finish(), Settings())


@pytest.mark.parametrize("op", ["take", "take_along_axis", "scatter_add"])
def test_indices_are_spread_over_what_is_legal(op: str) -> None:
    g = Builder(op)
    x = g.input("x", (2, 6))
    index = g.input("index", (6,) if op == "take" else (2, 6), dtype="int64")
    more = {"length": 4} if op == "scatter_add" else {}
    g.output("y0", emit(op, x, index, axis=1, **more))
    found = alone.feeds(g.finish(), np.random.default_rng(0))["index"]
    assert found.min() == 0 and found.max() == (3 if op == "scatter_add" else 5)

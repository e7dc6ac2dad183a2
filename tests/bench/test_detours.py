"""A way round is timed beside its kernel at the shapes of a model; or it says why not."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

import backends
from backends.base import Backend
from bench import config
from bench.coordinator.job import Finding, Job
from bench.detours import task
from bench.feasibility import routes
from bench.records import Detours


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
    def refuse(*given: object, **said: object) -> None:
        raise RuntimeError("no such thing")

    monkeypatch.setattr(type(numpy), "program", refuse)
    found = ask("motionbert", numpy)
    assert found.status == "failed" and "no such thing" in found.reason

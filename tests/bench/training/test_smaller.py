"""A batch that does not fit into memory: halved, said, resumed, and still the one asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend
from bench.coordinator.job import Job
from bench.evaluation import task as evaluate
from bench.processes.memory import OutOfMemory
from bench.training import checkpoint, smaller
from bench.training import task as train
from tests import zoo
from tests.bench.training.small_jobs import make_job, run

NUMPY = backends.load("numpy")
ASKED: dict[str, Any] = {"batch": 16, "accumulate": 2, "steps": 6, "validate_every": 6}


def job_of(folder: Path, *, allowed: bool = True, **asked: Any) -> Job:
    job = make_job(folder, NUMPY, **ASKED | asked)
    config = job.config.model_copy(update={"allow_smaller_batch": allowed})
    return job.model_copy(update={"config": config})


def room_for(
    windows: int, patch: pytest.MonkeyPatch, *, backend: Backend = NUMPY
) -> None:
    """Let the backend have no room for a larger batch."""
    make = type(backend).trainer

    def trainer(self: Backend, *given: Any) -> Any:
        made = make(self, *given)
        step = made.step

        def limited(*batches: Any) -> Any:
            for feeds in batches:
                if len(next(iter(feeds.values()))) > windows:
                    raise MemoryError("no room")
            return step(*batches)

        made.step = limited
        return made

    patch.setattr(type(backend), "trainer", trainer)


def test_it_is_halved_until_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(job_of(tmp_path / "whole"), NUMPY)
    room_for(4, monkeypatch)
    job = job_of(tmp_path / "less")
    found = run(job, NUMPY)
    assert (found.batch, found.accumulate, found.asked_batch) == (4, 8, 16)
    assert (found.steps, found.epochs) == (whole.steps, whole.epochs)
    assert "a batch of 16 did not fit into memory: 4 of 4 took its place" in found.note
    assert (whole.batch, whole.accumulate, whole.asked_batch) == (16, 2, None)
    # it is the training that was asked for, and its evaluation knows it
    scored = evaluate.run(job, NUMPY, "cpu", lambda text, share: None)
    assert (scored.status, scored.reason) == ("ok", "")


def test_a_finished_one_is_resumed_with_the_batch_that_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(tmp_path)
    with monkeypatch.context() as patch:
        room_for(8, patch)
        first = run(job, NUMPY)
    before = checkpoint.load(job.checkpoint).params
    again = run(job, NUMPY)
    assert (
        (again.batch, again.asked_batch) == (first.batch, first.asked_batch) == (8, 16)
    )
    after = checkpoint.load(job.checkpoint).params
    assert all(np.array_equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"allowed": False}, "statistics of its batch.*--allow-smaller-batch takes it"),
        ({"batch": 15}, "a batch of 15 cannot be halved"),
        ({"batch": 12}, "a batch of 3 cannot be halved"),
    ],
)
def test_what_cannot_be_halved_is_out_of_memory(
    asked: dict[str, Any],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room_for(2, monkeypatch)
    with pytest.raises(OutOfMemory, match=f"MemoryError: no room.*; .*{reason}"):
        train.run(job_of(tmp_path, **asked), NUMPY, "cpu", lambda text, share: None)


def test_memory_that_runs_out_later_halves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, steps = job_of(tmp_path), iter(range(3))
    make = type(NUMPY).trainer

    def trainer(self: Backend, *given: Any) -> Any:
        made = make(self, *given)
        step = made.step

        def once(*batches: Any) -> Any:
            if next(steps, None) is None:
                raise MemoryError("no room")
            return step(*batches)

        made.step = once
        return made

    monkeypatch.setattr(type(NUMPY), "trainer", trainer)
    found = train.run(job, NUMPY, "cpu", lambda text, share: None)
    assert found.status == "out_of_memory"
    assert "after 3 steps" in found.reason


def test_half_a_batch_is_the_same_to_a_model_without_statistics_of_it() -> None:
    assert smaller.mixes(zoo.tiny("simple_baseline"))
    assert not smaller.mixes(zoo.tiny("motionbert"))

"""A training that is gone on with, beside other settings that say how long it is and how large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from bench.coordinator.job import Job
from bench.training import checkpoint
from bench.training.validation import Validation
from tests.bench.training.small_jobs import make_job, run
from tests.bench.training.test_smaller import room_for

NUMPY = backends.load("numpy")
# constant: the rate of a step is not to hang on how long the whole is
GIVEN: dict[str, Any] = {"schedule": "constant", "optimizer": "adam"}


def job_of(folder: Path, **settings: Any) -> Job:
    job = make_job(folder, NUMPY, **GIVEN | settings)
    config = job.config.model_copy(update={"allow_smaller_batch": True})
    return job.model_copy(update={"config": config})


def alike(one: Job, other: Job) -> None:
    mine, yours = (checkpoint.load(job.checkpoint) for job in (one, other))
    for group in ("params", "optimizer"):
        due = getattr(yours, group)
        for name, array in getattr(mine, group).items():
            np.testing.assert_array_equal(array, due[name], err_msg=name)


def test_epochs_are_those_of_the_whole(tmp_path: Path) -> None:
    whole = job_of(tmp_path / "whole", epochs=0.5)
    due = run(whole, NUMPY)
    half = job_of(tmp_path / "half", epochs=0.25)
    first = run(half, NUMPY)
    assert first.steps < due.steps
    rest = job_of(tmp_path / "rest", epochs=0.5, start=half.checkpoint, continues=True)
    assert run(rest, NUMPY).steps == due.steps
    alike(rest, whole)


def test_patience_counts_validations_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"patience": 3, "validate_every": 5}

    def scored(*errors: float) -> None:
        due = iter(errors)
        monkeypatch.setattr(Validation, "error", lambda self, params: next(due))

    scored(5.0, 4.0, 6.0, 7.0, 8.0)
    whole = job_of(tmp_path / "whole", steps=40, **asked)
    assert run(whole, NUMPY).steps == 25
    scored(5.0, 4.0, 6.0)
    half = job_of(tmp_path / "half", steps=15, **asked)
    run(half, NUMPY)
    scored(7.0, 8.0)
    rest = job_of(
        tmp_path / "rest", steps=40, start=half.checkpoint, continues=True, **asked
    )
    found = run(rest, NUMPY)
    assert found.steps == 25 and "nothing better in 3" in found.note
    alike(rest, whole)


def test_one_that_was_halved_goes_on_halved_or_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"batch": 16, "validate_every": 6}
    whole = job_of(tmp_path / "whole", steps=12, **asked)
    half = job_of(tmp_path / "half", steps=6, **asked)
    with monkeypatch.context() as patch:
        room_for(8, patch)
        run(whole, NUMPY)
        first = run(half, NUMPY)
        assert (first.batch, first.accumulate) == (8, 2)
        goes = {"start": half.checkpoint, "continues": True, **asked}
        rest = job_of(tmp_path / "rest", steps=12, **goes)
        found = run(rest, NUMPY)
    # where memory lacks room again it is the same training
    assert (found.batch, found.accumulate, found.steps) == (8, 2, 12)
    alike(rest, whole)
    # and on a larger machine the step is of as many windows
    other = run(job_of(tmp_path / "other", steps=12, **goes), NUMPY)
    assert (other.batch, other.accumulate, other.steps) == (16, 1, 12)

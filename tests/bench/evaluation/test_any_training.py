"""A checkpoint by its path: of any training, with clips and a scaling of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
from bench.coordinator.job import Job
from bench.evaluation import task as evaluate
from bench.evaluation.oracle import network
from bench.records import Evaluation
from bench.training import checkpoint
from tests.bench.training.small_jobs import make_job, run

NUMPY = backends.load("numpy")


def elsewhere(folder: Path, inputs: str) -> Path:
    """The checkpoint of a training on other clips than a small job's."""
    job = make_job(folder, NUMPY, steps=20, inputs=inputs)
    other = job.config.model_copy(update={"small": 0.08})
    job = job.model_copy(update={"config": other})
    run(job, NUMPY)
    return job.checkpoint


def job_of(folder: Path, file: Path, inputs: str) -> Job:
    job = make_job(folder, NUMPY, inputs=inputs)
    config = job.config.model_copy(update={"checkpoint": str(file)})
    return job.model_copy(update={"config": config})


@pytest.mark.parametrize("theirs", ["zscore", "screen"])
@pytest.mark.parametrize("ours", ["zscore", "screen"])
def test_its_own_scaling_is_taken(theirs: str, ours: str, tmp_path: Path) -> None:
    file = elsewhere(tmp_path / "there", theirs)
    job = job_of(tmp_path / "here", file, ours)
    found = evaluate.run(job, NUMPY, "cpu", lambda text, share: None)
    assert (found.status, found.reason) == ("ok", "")
    assert isinstance(found.payload, Evaluation)
    assert "taken from the file" in found.payload.left_out["scaling"]


def test_a_model_that_is_fed_by_another_scaling_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = elsewhere(tmp_path / "there", "zscore")
    stored = network.stored

    def other(place: Path, group: str = "params") -> dict[str, np.ndarray]:
        found = stored(place, group)
        return {name: array + 0.1 for name, array in found.items()}

    monkeypatch.setattr(network, "stored", other)
    job = job_of(tmp_path / "here", file, "zscore")
    found = evaluate.run(job, NUMPY, "cpu", lambda text, share: None)
    assert found.status == "failed"
    assert "mean and deviation" in found.reason


def test_the_clips_were_others(tmp_path: Path) -> None:
    file = elsewhere(tmp_path / "there", "zscore")
    job = make_job(tmp_path / "here", NUMPY, steps=20, inputs="zscore")
    run(job, NUMPY)
    one, other = (checkpoint.load(place).scaling for place in (file, job.checkpoint))
    assert not np.allclose(one["mean"], other["mean"], atol=1e-6)

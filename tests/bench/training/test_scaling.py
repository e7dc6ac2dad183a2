"""How keypoints are scaled: fitted on the training side, fed, kept, and taken up again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import backends
from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.data.batches import standardizer
from bench.data.batches.standardizer import Standardizer
from bench.evaluation import task as evaluate
from bench.records import Evaluation
from bench.training import checkpoint
from bench.training import task as train
from bench.training.feed import feed_of
from tests.bench.training.small_jobs import PROTOCOL, make_job, run

NUMPY = backends.load("numpy")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return make_job(tmp_path, NUMPY, steps=2, inputs="zscore")


def test_what_is_fed_is_standardised(job: Job) -> None:
    keypoints = np.full((4, 1, 17, 2), 3.0, np.float32)
    scaling = Standardizer(
        mean=np.ones((17, 2), np.float32), std=np.full((17, 2), 4.0, np.float32)
    )
    plain = feed_of(job, PROTOCOL)
    assert (plain.inputs(keypoints)["keypoints"] == 3).all()
    assert (feed_of(job, PROTOCOL, scaling).inputs(keypoints)["keypoints"] == 0.5).all()
    target = np.zeros((4, 1, 17, 3), np.float32)
    scaled = replace(plain, standardizer=scaling).batch(keypoints, target)
    assert (scaled["keypoints"] == 0.5).all(), "in training as in inference"


def test_it_is_fitted_on_the_training_side(job: Job) -> None:
    split = dataset.read(job.config)
    loop = train.loop_of(job, NUMPY, "cpu", split)
    assert loop.feed.standardizer is not None
    due = standardizer.fit(loop.epochs.windows.single())
    np.testing.assert_array_equal(loop.feed.standardizer.mean, due.mean)
    other = standardizer.fit(loop.validation.windows.single())
    assert (loop.feed.standardizer.mean != other.mean).any()


def test_evaluation_takes_up_the_scaling_of_the_checkpoint(job: Job) -> None:
    run(job, NUMPY)

    def score() -> float | None:
        found = evaluate.run(job, NUMPY, "cpu", lambda text, share: None).payload
        assert isinstance(found, Evaluation)
        return found.metrics[0].frame_wise

    before, kept = score(), checkpoint.load(job.checkpoint)
    moved = {**kept.scaling, "mean": kept.scaling["mean"] + 1}
    checkpoint.save(job.checkpoint, replace(kept, scaling=moved))
    assert score() != before, "the same weights see other numbers"

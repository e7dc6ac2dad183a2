"""A protocol that scores one test frame in several, from its file to the numbers of a run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import backends
from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.data import Split, protocols
from bench.evaluation import task as evaluate
from bench.evaluation.baselines import task as baselines
from bench.records import Baselines, Evaluation, Metric
from bench.training import task as train
from tests.bench.training.small_jobs import make_job

EVERY = 5


def quiet(text: str, share: float) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """A cell that is trained, under the synthetic protocol thinned."""
    folder = tmp_path_factory.mktemp("thinned")
    usual = (protocols.FOLDER / "synthetic.yaml").read_text()
    thinned = usual.replace("default: true", f"test_stride: {EVERY}")
    (folder / "thinned.yaml").write_text(thinned)
    with pytest.MonkeyPatch.context() as patch:
        # beside the others: a source's default must still be found
        (folder / "synthetic.yaml").write_text(usual)
        patch.setattr(protocols, "FOLDER", folder)
        numpy = backends.load("numpy")
        made = make_job(folder, numpy, steps=2)
        config = made.config.model_copy(update={"protocol": "thinned"})
        made = made.model_copy(update={"config": config})
        assert train.run(made, numpy, "cpu", quiet).status == "ok"
        yield made


def split_of(job: Job) -> Split:
    return dataset.of(job.config, job.folder)


def frames(job: Job) -> int:
    """How many frames are to be scored."""
    return sum(-(-clip.frames // EVERY) for clip in split_of(job).test)


def test_evaluation_scores_one_frame_in_five(job: Job) -> None:
    found = evaluate.run(job, backends.load("numpy"), "cpu", quiet)
    assert (found.status, found.reason) == ("ok", "")
    assert isinstance(found.payload, Evaluation)
    assert found.payload.test_poses == frames(job)
    assert f"one test frame in {EVERY}" in found.payload.protocol_text
    velocity = next(m for m in found.payload.metrics if m.name == "MPJVE")
    assert velocity.frame_wise is None, "frames that are skipped have no neighbours"


def test_the_mean_pose_is_scored_on_the_same_frames(job: Job) -> None:
    found = baselines.run(job, None, "cpu", quiet).payload
    assert isinstance(found, Baselines)
    split = split_of(job)

    def relative(pose: np.ndarray | None) -> np.ndarray:
        assert pose is not None
        return (pose - pose[:, :1]).astype(np.float64)

    # every frame is trained on, and a fifth of the test frames scored
    mean = np.concatenate([relative(c.camera_pose) for c in split.train]).mean(axis=0)
    tested = np.concatenate([relative(c.camera_pose)[::EVERY] for c in split.test])
    assert len(tested) == frames(job)
    due = np.linalg.norm(tested - mean, axis=-1).mean()
    mpjpe: Metric = found.baselines[0].metrics[0]
    assert mpjpe.frame_wise == pytest.approx(due, rel=1e-6)
    whole = np.concatenate([relative(c.camera_pose) for c in split.test])
    other = np.linalg.norm(whole - mean, axis=-1).mean()
    assert abs(due - other) > 1e-3, "all frames have another mean"

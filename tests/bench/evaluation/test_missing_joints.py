"""A truth with holes, from the file to the record: trained, scored, held against the oracle."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import backends
from bench import data
from bench.coordinator.job import Job
from bench.data import missing, protocols
from bench.data.clip import Clip
from bench.data.readers import cache
from bench.evaluation import task as evaluate
from bench.evaluation.baselines import task as baselines
from bench.evaluation.oracle import cutting
from bench.evaluation.oracle.checks import apart
from bench.records import Baselines, Evaluation, Training
from bench.training import task as train
from models.errors import BadInput
from tests.bench.training.small_jobs import make_job

PROTOCOL = protocols.load("synthetic")
FOOT = 3


def quiet(text: str, share: float) -> None:
    """Nobody listens."""


def clips() -> list[Clip]:
    """A few whole takes of a subject to train on and of one to test on."""
    kept = ("S1 Walking", "S1 Eating", "S9 Walking", "S9 Eating")
    found = data.clips_of("synthetic", PROTOCOL, small=0.02)
    return [clip for clip in found if clip.name in kept]


def holed(clip: Clip) -> Clip:
    """Without a foot in two frames, the root in a third, and nearly all in a fourth."""
    assert clip.camera_pose is not None
    pose = clip.camera_pose.copy()
    pose[3:5, FOOT] = np.nan
    pose[7, 0] = np.nan
    pose[9, 2:] = np.nan
    return dataclasses.replace(clip, camera_pose=pose, world_pose=None)


def saved(folder: Path, change: Callable[[Clip], Clip]) -> str:
    """The clips, changed, as a source."""
    path = folder / "motion.cache"
    found = [change(clip) for clip in clips()]
    cache.save(path, found, kind="synthetic", rig=PROTOCOL.rig, facts={})
    return f"cache:{path}"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """A cell whose data have holes."""
    folder = tmp_path_factory.mktemp("holed")
    made = make_job(folder, backends.load("numpy"), steps=4, validate_every=4)
    told = {"data": saved(folder, holed), "small": 1.0}
    yield made.model_copy(update={"config": made.config.model_copy(update=told)})


def test_a_run_ends_well_and_says_what_was_missing(job: Job) -> None:
    numpy = backends.load("numpy")
    trained = train.run(job, numpy, "cpu", quiet)
    assert (trained.status, trained.reason) == ("ok", "")
    assert isinstance(trained.payload, Training)
    views = len(clips()) // 2
    frames = sum(clip.frames for clip in clips()) // 2
    assert f"{4 * views} of {frames} training frames" in trained.payload.note
    assert trained.payload.train_windows == frames - 4 * views
    scored = evaluate.run(job, numpy, "cpu", quiet)
    assert (scored.status, scored.reason) == ("ok", "")
    assert isinstance(scored.payload, Evaluation)
    assert scored.payload.test_poses == frames
    assert scored.payload.rootless_poses == views
    assert scored.payload.missing_joints == views * (2 + 17 + 15)
    assert "joints are not scored" in scored.payload.note
    assert np.isfinite(scored.payload.example_true).all()
    for metric in scored.payload.metrics:
        assert metric.frame_wise is not None, metric.name


def test_the_trivial_predictors_learn_of_whole_frames(job: Job) -> None:
    found = baselines.run(job, None, "cpu", quiet)
    assert (found.status, found.reason) == ("ok", "")
    assert isinstance(found.payload, Baselines)
    for baseline in found.payload.baselines:
        assert baseline.metrics[0].frame_wise is not None


def test_data_info_counts_them_and_notes_them_once(job: Job) -> None:
    (split,) = [data.load(job.config.data)]
    assert {clip.notes for clip in (*split.train, *split.test)} == {(missing.NOTE,)}
    told = data.describe(job.config.data, protocol=PROTOCOL)
    assert told["joints_missing_in_truth"] == len(clips()) * (2 + 1 + 15)
    assert told["notes"] == [missing.NOTE]


def without(clip: Clip, *joints: str) -> Clip:
    pose = clip.camera_pose.copy()  # type: ignore[union-attr]
    pose[:, list(clip.skeleton.indices(joints or clip.skeleton.joints))] = np.nan
    return dataclasses.replace(clip, camera_pose=pose, world_pose=None)


def test_what_can_be_neither_scored_nor_trained_on_is_refused(tmp_path: Path) -> None:
    nothing = saved(tmp_path, without)
    with pytest.raises(BadInput, match="clip S9 .* has the root Hip in no frame"):
        data.load(nothing)
    no_foot = saved(tmp_path, lambda clip: without(clip, "RFoot"))
    with pytest.raises(BadInput, match="no frame of any training clip has all 17"):
        data.load(no_foot)


def test_the_oracle_finds_a_hole_that_was_filled_and_one_that_was_made() -> None:
    due = np.array([[0.0, np.nan, 3.0]])
    assert apart(*cutting.there(due.astype(np.float32), due)) == 0
    for came in ([[0.0, 0.0, 3.0]], [[0.0, np.nan, np.nan]]):
        assert apart(*cutting.there(np.array(came), due)) == np.inf


def test_data_without_holes_are_what_they_were() -> None:
    whole = clips()[0]
    assert missing.noted(whole) is whole
    assert not missing.count(whole)

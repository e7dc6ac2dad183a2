"""The oracle goes its own way to crops and back: what is wrong on the harness's way is found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Settings
from bench.data import Split
from bench.data.batches.windows import Windows, mirror
from bench.data.pictures import box, crops, drawing, frame
from bench.evaluation.oracle import crops as own
from bench.evaluation.oracle import cutting, sight
from bench.evaluation.oracle.checks import first_failure
from bench.evaluation.poses import predicted
from bench.parity import task as parity
from bench.records import Parity
from bench.takeaway.about import about
from bench.training import feed as feeds
from bench.training import held, origin
from bench.training import task as train
from models import params
from tests.bench.training import glance


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    glance.add(monkeypatch)


@pytest.fixture
def split() -> Split:
    return glance.split()


def quiet(text: str, share: float) -> None:
    pass


def found(folder: Path, split: Split) -> str:
    """What is wrong with a training that is about to begin."""
    job, backend = glance.job(folder, flip=True), backends.load("numpy")
    loop = train.loop_of(job, backend, "cpu", split)
    return first_failure(held.hold(job, split, loop).checks)


def test_nothing_is_wrong_with_what_is_right(tmp_path: Path, split: Split) -> None:
    assert found(tmp_path, split) == ""


def reversed_colours(pictures: np.ndarray) -> np.ndarray:
    return SCALED(pictures[:, ::-1])


def as_they_are(windows: Windows, shown: np.ndarray) -> np.ndarray:
    return shown


def of_another_seed(*given: Any) -> feeds.Feed:
    return FEED(*given[:-1], 7)


def half_a_pixel_off(*given: Any) -> drawing.Lens:
    lens = LENS(*given)
    return dataclasses.replace(lens, centre=(lens.centre[0] + 0.5, lens.centre[1]))


SCALED, FEED, LENS = crops.scaled, feeds.Feed, frame.lens
FAULTS = {
    "a tighter box": (box, "MARGIN", 1.2, "validation: poses"),
    "another depth": (box, "DEPTH", 1.0, "validation: poses"),
    "blue first": (crops, "scaled", reversed_colours, "batch: keypoints that are fed"),
    "pictures unmirrored": (Windows, "mirrored", as_they_are, "batch: "),
    "another lens": (frame, "lens", half_a_pixel_off, "batch: keypoints"),
    "other backgrounds": (feeds, "Feed", of_another_seed, "batch: keypoints"),
    "Caffe's mean": (crops, "MEAN", np.array([0.5, 0.5, 0.5]), "batch: keypoints"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_found(
    tmp_path: Path, split: Split, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    place, name, wrong, due = FAULTS[fault]
    monkeypatch.setattr(place, name, wrong)
    assert found(tmp_path, split).startswith(due)


@pytest.fixture
def looked(tmp_path: Path, split: Split) -> Iterator[tuple[feeds.Feed, Windows, Any]]:
    job = glance.job(tmp_path)
    feed = feeds.feed_of(job, split.protocol)
    windows = feed.windows(split.test, stride=None, every=4)
    yield feed, windows, sight.of(feed.spec, split.protocol, job)


def test_no_picture_is_made_that_is_not_scored(looked: Any) -> None:
    _, windows, _ = looked
    assert len(windows) == windows.scored


def test_mirror_images_are_averaged(looked: Any) -> None:
    feed, windows, _ = looked
    program = backends.load("numpy").program(feed.spec.infer, Settings())
    program.load(params.draw(feed.spec.infer.params, seed=1))
    both = feeds.replace(
        feed, protocol=feed.protocol.model_copy(update={"flip_tta": True})
    )
    shown, _ = windows.batch(range(len(windows)))
    one = program({"images": shown})["pose"]
    other = program({"images": shown[..., ::-1]})["pose"]
    due = (one + mirror(other, windows.skeleton)) / 2
    came = predicted(program, both, windows, quiet).poses
    np.testing.assert_allclose(came, due[:, 0], atol=1e-6)
    assert np.abs(one[:, 0] - came).max() > 1e-3


def test_the_oracle_by_hand_and_back(split: Split, looked: Any) -> None:
    _, windows, seen = looked
    clip = split.test[0]
    assert clip.camera_pose is not None
    (pose,) = own.poses(clip, [2], seen)
    low, high = clip.keypoints[2].min(axis=0), clip.keypoints[2].max(axis=0)
    side = 1.25 * (high - low).max()
    due = (clip.keypoints[2] - (low + high) / 2) / side
    np.testing.assert_allclose(pose[:, :2], due, atol=1e-5)
    np.testing.assert_allclose(
        pose[5, 2], (clip.camera_pose[2, 5, 2] - clip.camera_pose[2, 0, 2]) / 2000
    )
    (strip,) = cutting.strips([clip])
    back = cutting.lengths(strip, [2], pose[None], seen)
    np.testing.assert_allclose(back, cutting.truth(strip, [2], seen), atol=1e-9)
    # what windows make of any other pose
    other = pose + np.random.default_rng(0).normal(0, 0.1, pose.shape)
    metres = windows.metres(other[None, None].astype(np.float32), [0])
    due = cutting.lengths(strip, [0], other[None], seen)
    np.testing.assert_allclose(1000 * metres[0], due, atol=1e-2)


def test_headers_say_how_it_is_fed(tmp_path: Path, split: Split) -> None:
    job = glance.job(tmp_path)
    said = origin.origin(job, split.protocol, feeds.feed_of(job, split.protocol))
    assert "keypoints" not in said
    assert said["images"] == origin.IMAGES
    assert said["unit"] == origin.CROP
    assert origin.checked(said) == said


def test_files_say_how_it_is_fed(tmp_path: Path, split: Split) -> None:
    spec = feeds.feed_of(glance.job(tmp_path), split.protocol).spec
    said = about(
        spec.infer,
        params.draw(spec.infer.params, seed=0),
        model={"model": "glance"},
        origin={},
        scaling={},
        window=1,
        causal=False,
        drawn={"random": True},
        pixels=False,
    )
    assert said["images"]["convention"] == origin.IMAGES
    assert said["images"]["channels"] == ["red", "green", "blue"]
    assert said["pose"]["unit"] == origin.CROP


def test_crop_units_are_no_millimetres_of_a_ladder(tmp_path: Path) -> None:
    forward = {"parity": {"rungs": ["forward"]}}
    job = glance.job(tmp_path, task="parity", run=forward)
    backend = backends.load("numpy")
    found = parity.run(job, backend, "cpu", quiet)
    assert found.status == "ok"
    assert isinstance(found.payload, Parity)
    assert {check.millimetres for check in found.payload.checks} == {None}

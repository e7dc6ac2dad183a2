"""A model that reads images, end to end: fed, trained, scored, and held against the oracle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import backends
from bench.coordinator import dataset
from bench.coordinator.checking import check
from bench.coordinator.job import Job
from bench.evaluation import task as evaluate
from bench.records import Evaluation
from bench.training import task as train
from models.errors import BadInput
from tests.bench.training import glance
from tests.data import test_h36m_coco as lists


@pytest.fixture(autouse=True)
def _added(monkeypatch: pytest.MonkeyPatch) -> None:
    glance.add(monkeypatch)


def quiet(text: str, share: float) -> None:
    pass


def test_it_is_trained_and_scored_and_the_oracle_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    glance.few(monkeypatch)
    job, backend = glance.job(tmp_path, flip=True), backends.load("numpy")
    done = train.run(job, backend, "cpu", quiet)
    assert (done.status, done.reason) == ("ok", "")
    found = evaluate.run(job, backend, "cpu", quiet)
    assert (found.status, found.reason) == ("ok", "")
    assert isinstance(found.payload, Evaluation)
    held = {(check.kind, check.name) for check in found.payload.checks}
    assert ("images", "what the model is fed") in held
    assert ("score", "MPJPE") in held
    # of metres, not of parts of a crop
    assert 100 < found.payload.metrics[0].frame_wise < 2000


def pictured(folder: Path) -> Path:
    """Two subjects before two cameras, whose pictures are noise."""
    rng = np.random.default_rng(0)
    content = lists.data(frames=range(4))
    for subject in (1, 9):
        lists.write(folder, subject, data=content, joint_3d=lists.joint_3d(range(4)))
    (folder / "images" / "s_09").mkdir(parents=True)
    for image in content["images"]:
        # of one size, as the list says
        noise = rng.integers(0, 255, (1002, 1000), np.uint8)
        Image.fromarray(noise).save(folder / "images" / image["file_name"])
    return folder


def real(folder: Path, data: Path, **run: Any) -> Job:
    """A cell of the model on pictures of files."""
    source = {"data": f"h36m-coco:{data}", "protocol": "h36m-p1", "small": 1.0}
    return glance.job(folder, batch=2, steps=2, validate_every=2, run=source | run)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictured(tmp_path_factory.mktemp("pictures"))


def test_pictures_of_files_by_the_same_way(tmp_path: Path, pictures: Path) -> None:
    job, backend = real(tmp_path, pictures), backends.load("numpy")
    assert check(job.config) is not None
    done = train.run(job, backend, "cpu", quiet)
    assert (done.status, done.reason) == ("ok", "")
    found = evaluate.run(job, backend, "cpu", quiet)
    assert (found.status, found.reason) == ("ok", "")
    # the clips of the run know their files as those that were read
    kept, read = dataset.of(job.config, job.folder), dataset.read(job.config)
    assert kept.test[0].pictures == read.test[0].pictures is not None
    np.testing.assert_array_equal(kept.test[1].boxes, read.test[1].boxes)


def broken(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("change", "due"),
    [
        (Path.unlink, "no such file"),
        (broken, "truncated or damaged"),
        (lambda path: Image.new("L", (5, 5)).save(path), "5 x 5 pixels, and the list"),
    ],
)
def test_nothing_is_begun_with_pictures_that_are_not_as_stated(
    tmp_path: Path, change: Callable[[Path], object], due: str
) -> None:
    folder = pictured(tmp_path / "data")
    change(folder / "images" / "s_09" / "3.jpg")
    job = real(tmp_path / "run", folder)
    with pytest.raises(BadInput, match=due) as caught:
        check(job.config)
    assert "\n" not in str(caught.value)
    assert not job.folder.exists()


def test_people_beside_their_pictures_are_refused(tmp_path: Path) -> None:
    folder = pictured(tmp_path / "data")
    for subject in (1, 9):
        content = lists.camera()
        content["2"]["c"] = [-3000, 515]
        images = lists.data(frames=range(4))
        for annotation in images["annotations"]:
            del annotation["bbox"]
        lists.write(
            folder,
            subject,
            data=images,
            joint_3d=lists.joint_3d(range(4)),
            camera=content,
        )
    with pytest.raises(
        BadInput, match="4.jpg: the person's box, around -3000.*outside"
    ):
        check(real(tmp_path / "run", folder).config)


def test_what_cannot_be_fed_or_scored_is_refused(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = tmp_path / "steps.yaml"
    steps.write_text("steps: [flip]")
    with pytest.raises(BadInput, match="steps change poses, and not the pictures"):
        check(real(tmp_path, pictures, augment=steps).config)
    # what has moved is no longer what its file shows
    with pytest.raises(BadInput, match="it has no pictures"):
        check(real(tmp_path, pictures, corrupt=steps).config)
    with pytest.raises(BadInput, match="zscore is of keypoints, and glance reads"):
        check(glance.job(tmp_path, inputs="zscore").config)
    with pytest.raises(BadInput, match="images are .batch, 3, height, width., and"):
        check(glance.job(tmp_path, sizes={"channels": 1}).config)
    # drawn people move with their clips
    glance.few(monkeypatch)
    moved = glance.job(tmp_path, run={"augment": steps})
    assert check(moved.config) is not None

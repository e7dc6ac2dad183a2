"""What is stated after a path: no contradictions, no words that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.data.readers import keypoints
from bench.data.readers._bvh_location import Stated, parsed
from models.errors import BadInput


@pytest.fixture
def walk(tmp_path: Path) -> str:
    path = tmp_path / "walk.npy"
    path.touch()
    return str(path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("@640x480@1920x1080", "size is stated twice, and differently; leave one out"),
        ("@30fps@1920x1080@60fps", "fps is stated twice"),
        ("@h36m17@coco17", "skeleton is stated twice"),
        ("@person1@person2", "person is stated twice"),
        ("@foo17", "walk.npy: @foo17 is none of what can be stated: .*coco17"),
        ("@openpose25@1920x1080", "@openpose25 is none of what can be stated"),
        ("@1920x1080@30FPS", "@30FPS is none .* as 30fps"),
    ],
)
def test_of_keypoints(walk: str, words: str, message: str) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        keypoints.load(walk + words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("@cm@inch", "unit is stated twice"),
        ("@cm@56.44mm", "unit is stated twice"),
        ("@y-up@z-up", "up is stated twice"),
        ("@30fps@60fps", "fps is stated twice"),
        ("@furlong", "@furlong is none of what can be stated: .*y-up.*inch"),
    ],
)
def test_of_bvh(walk: str, words: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parsed(walk + words)


def test_the_same_twice_is_no_contradiction(walk: str) -> None:
    assert parsed(f"{walk}@cm@10mm@y-up@y-up") == (Path(walk), Stated("y-up", 10.0))


def test_a_path_may_hold_what_means_nothing(tmp_path: Path) -> None:
    (tmp_path / "walk").touch()
    path = tmp_path / "walk@foo@30fps.npy"
    path.touch()
    assert parsed(f"{path}@30fps") == (path, Stated(fps=30.0))
    # nothing is there: the file is what lacks
    with pytest.raises(BadInput, match="no such file"):
        keypoints.load(str(tmp_path / "run@foo@30fps"))

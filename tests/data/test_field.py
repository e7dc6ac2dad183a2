"""Small files as people have them, each with its right reading (shared/field), where they are."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.clip import Clip
from bench.data.readers import keypoints
from models.errors import BadInput
from tests.paths import SHARED

FIELD = SHARED / "field"
pytestmark = pytest.mark.skipif(
    not FIELD.is_dir(), reason=f"no {FIELD}: small files as people have them"
)


def read(name: str, stated: str = "@1920x1080") -> list[Clip]:
    return keypoints.load(f"{FIELD / name}{stated}")


def nose(clip: Clip) -> list[float]:
    """Where the first joint is in each frame, pixels from the left."""
    return clip.keypoints[:, 0, 0].tolist()


def nobody(clip: Clip) -> list[int]:
    return np.flatnonzero((clip.confidence == 0).all(axis=1)).tolist()


@pytest.mark.parametrize("writer", ["alphapose", "coco-results"])
def test_pictures_of_nobody_are_frames(writer: str) -> None:
    (clip,) = read(f"{writer}-frames-3-to-6-empty.json")
    assert nose(clip) == [300, 306, 312, 312, 312, 312, 312, 342, 348, 354]
    assert nobody(clip) == [3, 4, 5, 6]
    assert any("4 of 10 frames without the person" in note for note in clip.notes)


def test_names_with_a_second_number() -> None:
    (clip,) = read("names-with-a-second-number.json")
    assert nose(clip) == [348, 354, 360, 366]


def test_two_videos_are_two_clips() -> None:
    left, right = read("two-videos-in-one-file.json")
    assert nose(left) == [300, 306, 312, 318]
    assert nose(right) == [1300, 1306, 1312, 1318]


def test_the_person_followed_before_is_followed() -> None:
    (clip,) = read("person-without-keypoints-then-two.json")
    assert nose(clip) == [300, 306, 306, 318, 324, 330]
    assert nobody(clip) == [2]


def test_joints_in_the_order_of_human36m() -> None:
    with pytest.raises(BadInput, match=r"not in the order of coco17.*@h36m17"):
        read("h36m-order-17-joints.npy")
    (clip,) = read("h36m-order-17-joints.npy", "@1920x1080@h36m17")
    assert clip.skeleton.name == "h36m17"


def test_what_mmpose_writes() -> None:
    (clip,) = read("mmpose-video-predictions.json")
    assert nose(clip) == [300, 306, 306, 318, 324]
    assert nobody(clip) == [2]
    # the file names its joints
    assert not any("joints" in note for note in clip.notes)

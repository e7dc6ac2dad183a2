"""Whose joints they are: by name, by what is stated, by number, and not against their places."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.detections import joints
from bench.data.detections.video import Layout
from bench.data.geometry import conversions
from bench.data.geometry.skeletons import SKELETONS
from models.errors import BadInput
from tests.data.data_files import clips
from tests.paths import ROOT


def seen(skeleton: str) -> np.ndarray:
    """Somebody walking, (frames, joints, 3)."""
    clip = clips()[0]
    points = conversions.convert(clip.keypoints, "h36m17", skeleton)
    return np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=-1)


@pytest.mark.parametrize(
    ("came", "guess"), [("h36m17", "coco17"), ("h36m16", "mpii16")]
)
def test_a_guess_that_the_places_exclude_is_refused(came: str, guess: str) -> None:
    points = seen(came)
    with pytest.raises(BadInput, match=f"not in the order of {guess}.*@{came}"):
        joints.arrange(points, None, None, "walk.npy")
    # stated, it is taken
    assert joints.arrange(points, None, came, "walk.npy")[1:] == (came, ())
    assert joints.arrange(points, None, guess, "walk.npy")[1:] == (guess, ())


def test_half_hidden_joints_are_told_too() -> None:
    points = seen("h36m17")
    points[:, [3, 6, 13, 16]] = 0
    with pytest.raises(BadInput, match="not in the order of coco17"):
        joints.arrange(points, None, None, "walk.npy")


def test_a_guess_is_said_with_the_way_to_state_it() -> None:
    points = seen("mpii16")
    _, name, (note,) = joints.arrange(points, None, None, "walk.npy")
    assert name == "mpii16"
    assert "16 joints" in note
    assert "@mpii16" in note
    assert "@h36m16" in note


@pytest.mark.parametrize("count", [18, 25])
def test_what_cannot_be_stated_is_not_asked_for(count: int) -> None:
    points = np.ones((2, count, 3))
    (note,) = joints.arrange(points, None, None, "walk.npy")[2]
    assert f"{count} joints" in note
    assert "@" not in note


@pytest.mark.parametrize("count", joints.LAYOUTS)
def test_every_layout_picks_joints_that_are_there(count: int) -> None:
    layout = joints.LAYOUTS[count].layout
    assert len(layout.picks) == len(SKELETONS[layout.skeleton].joints)
    assert len(set(layout.picks)) == len(layout.picks)
    assert max(layout.picks) < count


COCO = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
]
# as mmpose calls Human3.6M's
ROOTED = [
    "root",
    "right_hip",
    "right_knee",
    "right_foot",
    "left_hip",
    "left_knee",
    "left_foot",
    "spine",
    "thorax",
    "neck_base",
    "head",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
]


@pytest.mark.parametrize(
    ("names", "due"),
    [
        (COCO, Layout("coco17", tuple(range(17)))),
        (COCO[::-1], Layout("coco17", tuple(range(17))[::-1])),
        (["neck", *COCO], Layout("coco17", tuple(range(1, 18)))),
        ([name.replace("_", " ").title() for name in COCO], joints.whole_of("coco17")),
        (ROOTED, joints.whole_of("h36m17")),
        (SKELETONS["mpii16"].joints, joints.whole_of("mpii16")),
        (SKELETONS["h36m17"].joints, joints.whole_of("h36m17")),
        (COCO[:-1], None),
        ([None, 3], None),
    ],
)
def test_names_tell_the_joints(names: list[object], due: Layout | None) -> None:
    assert joints.named(names) == due


def test_the_docs_list_what_may_be_stated() -> None:
    text = (ROOT / "docs/data.md").read_text(encoding="utf-8")
    assert [name for name in SKELETONS if f"`@{name}`" not in text] == []

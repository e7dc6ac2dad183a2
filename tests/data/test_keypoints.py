"""2D keypoints of detectors: every published layout gives the same clip.

And one line says what is wrong with a file.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.clip import Clip
from bench.data.detections.joints import BODY25, OPENPOSE18
from bench.data.readers import keypoints
from models.errors import BadInput

FRAMES = 4
# COCO's joints, pixels
POINTS = np.random.default_rng(0).uniform(100, 900, (FRAMES, 17, 2)).round(2)
SURE = np.random.default_rng(1).uniform(0.1, 1, (FRAMES, 17)).round(3)
ALL = np.concatenate([POINTS, SURE[..., None]], axis=-1)
SIZE = "@1920x1080"


def scattered(person: np.ndarray, picks: tuple[int, ...], count: int) -> list[float]:
    """COCO's joints at their places among OpenPose's, flat; the others 0."""
    out = np.zeros((count, 3))
    out[list(picks)] = person
    return out.ravel().tolist()


def results() -> list[dict[str, Any]]:
    """COCO's results, as detectors write them: not in order."""
    entries = [
        {
            "image_id": 10 * i,
            "category_id": 1,
            "keypoints": ALL[i].ravel().tolist(),
            "score": 0.9,
        }
        for i in range(FRAMES)
    ]
    return entries[::-1]


# Its pictures have names where COCO has numbers, and its scores go beyond 1.
def alphapose() -> list[dict[str, Any]]:
    return [
        {
            "image_id": f"{i}.jpg",
            "category_id": 1,
            "keypoints": ALL[i].ravel().tolist(),
            "score": 2.9,
        }
        for i in range(FRAMES)
    ]


def dataset() -> dict[str, Any]:
    images = [
        {"id": i, "width": 1920, "height": 1080, "file_name": f"../{i}.jpg"}
        for i in range(FRAMES)
    ]
    return {
        "images": images,
        "annotations": [
            entry | {"image_id": entry["image_id"] // 10} for entry in results()
        ],
        "categories": [],
    }


# all without a picture size but the last and the data set; `SIZE` says it
LAYOUTS: dict[str, Callable[[], object]] = {
    "COCO results": results,
    "AlphaPose results": alphapose,
    "COCO data set": dataset,
    "plain list": lambda: ALL.tolist(),
    "described": lambda: {
        "keypoints": ALL.tolist(),
        "width": 1920,
        "height": 1080,
        "fps": 50,
        "skeleton": "coco17",
    },
}


def write(folder: Path, content: object, name: str = "walk.json") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


def same(clip: Clip, *, sure: np.ndarray = SURE) -> None:
    np.testing.assert_allclose(clip.keypoints, POINTS, rtol=1e-6)
    np.testing.assert_allclose(clip.confidence, sure, rtol=1e-6)
    assert clip.camera_pose is None
    assert clip.world_pose is None
    assert clip.skeleton.name == "coco17"
    assert (clip.camera.width, clip.camera.height) == (1920, 1080)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_json_layout_gives_the_same_clip(tmp_path: Path, layout: str) -> None:
    (clip,) = keypoints.load(write(tmp_path / "lab", LAYOUTS[layout]()) + SIZE)
    same(clip)
    assert (clip.name, clip.subject, clip.action) == ("walk", "lab", "walk")
    assert clip.fps == (50 if layout == "described" else keypoints.FPS)
    assert any("assumed" in note for note in clip.notes) == (layout != "described")


@pytest.mark.parametrize(("picks", "count"), [(OPENPOSE18, 18), (BODY25, 25)])
def test_openpose_frames_are_joined_by_name(
    tmp_path: Path, picks: tuple[int, ...], count: int
) -> None:
    for i in range(FRAMES):
        person = {
            "person_id": [-1],
            "pose_keypoints_2d": scattered(ALL[i], picks, count),
            "face_keypoints_2d": [],
        }
        # 8 to 11: text order is not it
        write(
            tmp_path,
            {"version": 1.3, "people": [person]},
            f"walk_{i + 8:012}_keypoints.json",
        )
    (clip,) = keypoints.load(f"{tmp_path}@30fps{SIZE}")
    same(clip)
    assert clip.name == "walk"
    assert clip.fps == 30


@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2"])
def test_npy_with_and_without_confidence(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "a.npy", ALL.astype(dtype))
    np.save(tmp_path / "b.npy", POINTS.astype(dtype))
    with_sure, without = keypoints.load(f"{tmp_path}{SIZE}")
    # half precision holds three digits
    tolerance = 1e-2 if dtype == "<f2" else 1e-6
    np.testing.assert_allclose(with_sure.keypoints, POINTS, rtol=tolerance)
    np.testing.assert_allclose(with_sure.confidence, SURE, rtol=tolerance)
    assert (without.confidence == 1).all()
    assert [with_sure.name, without.name] == ["a", "b"]


@pytest.mark.parametrize(
    ("joints", "name"),
    [(16, "mpii16"), (17, "coco17"), (26, "coco17"), (133, "coco17")],
)
def test_the_number_of_joints_tells_the_skeleton(
    tmp_path: Path, joints: int, name: str
) -> None:
    # 26 and 133 are Halpe's and COCO-WholeBody's, which begin with COCO's 17
    points = np.arange(joints * 6.0).reshape(2, joints, 3) + 1
    points[..., 2] = 0.5
    (clip,) = keypoints.load(write(tmp_path, points.tolist()) + SIZE)
    assert clip.skeleton.name == name
    np.testing.assert_array_equal(
        clip.keypoints, points[:, : len(clip.skeleton.joints), :2]
    )


def test_a_named_skeleton_is_taken(tmp_path: Path) -> None:
    path = write(tmp_path, ALL.tolist(), "a@b.json")  # a path may hold @ itself
    (clip,) = keypoints.load(f"{path}{SIZE}@h36m17")
    assert clip.skeleton.name == "h36m17"
    assert clip.name == "a@b"
    with pytest.raises(
        BadInput, match="17 joints came; 24 were due for skeleton smpl24"
    ):
        keypoints.load(f"{path}{SIZE}@smpl24")


def test_a_missed_joint_keeps_its_last_place(tmp_path: Path) -> None:
    points = ALL.tolist()
    # missed later, missed from the start (its next place is taken), and a whole frame
    points[2][5] = [0, 0, 0]
    points[0][7] = [float("nan"), 3, 0]
    points[3] = [[0, 0, 0]] * 17
    (clip,) = keypoints.load(write(tmp_path, points) + SIZE)
    np.testing.assert_allclose(clip.keypoints[2, 5], POINTS[1, 5], rtol=1e-6)
    np.testing.assert_allclose(clip.keypoints[0, 7], POINTS[1, 7], rtol=1e-6)
    assert (
        clip.confidence[2, 5] == clip.confidence[0, 7] == clip.confidence[3].max() == 0
    )


def test_one_person_is_followed(tmp_path: Path) -> None:
    entries = []
    for i in range(FRAMES):
        # less sure at first; listed first throughout
        other = ALL[i] + [500, 0, 0 if i else -0.05]
        entries += [
            {"image_id": i, "keypoints": person.ravel().tolist()}
            for person in (other, ALL[i])
        ]
    (clip,) = keypoints.load(write(tmp_path, entries) + SIZE)
    same(clip)
    said = "several people; one is followed: up to 2 people in a frame, number 2 in"
    assert any(note.startswith(said) for note in clip.notes)


def test_pictures_without_people_are_missed_frames(tmp_path: Path) -> None:
    content = dataset()
    content["annotations"] = [
        entry for entry in content["annotations"] if entry["image_id"] != 1
    ]
    (clip,) = keypoints.load(write(tmp_path, content))
    assert clip.frames == FRAMES
    assert (clip.confidence[1] == 0).all()
    assert (clip.confidence[2] > 0).all()
    np.testing.assert_allclose(clip.keypoints[1], POINTS[0], rtol=1e-6)


def test_people_outside_of_the_picture_are_said(tmp_path: Path) -> None:
    path = write(tmp_path, ALL.tolist())
    (clip,) = keypoints.load(f"{path}@640x480")
    share = np.mean((POINTS > (640, 480)).any(axis=-1))
    said = f"{share:.0%} of the joints lie outside of the picture of 640 x 480"
    assert any(note.startswith(said) for note in clip.notes)
    (clip,) = keypoints.load(f"{path}@1000x1000")
    assert not any("outside" in note for note in clip.notes)


def test_small_keeps_the_middle(tmp_path: Path) -> None:
    points = np.ones((100, 17, 2)) * np.arange(100)[:, None, None]
    (clip,) = keypoints.load(write(tmp_path, points.tolist()) + SIZE, small=0.2)
    assert clip.frames == 20
    assert clip.keypoints[0, 0, 0] == 40


# a file's content, and what is said of it
BAD: dict[str, tuple[object, str]] = {
    "no size": (
        ALL.tolist(),
        (
            "the picture size is not in the file; say it after the path, as in"
            " keypoints:walk.json@1920x1080"
        ),
    ),
    "size of nothing": (
        {"keypoints": ALL.tolist(), "width": 0, "height": 5},
        "1 to 1000000 pixels each way",
    ),
    "size of text": (
        {"keypoints": ALL.tolist(), "width": "x", "height": 5},
        "width: 'x' came; a whole number was due",
    ),
    "two sizes": (
        dataset()
        | {
            "images": [
                {"id": 0, "width": 1, "height": 1},
                {"id": 1, "width": 2, "height": 1},
            ]
        },
        "pictures of 2 sizes",
    ),
    "other joints": (
        {**dataset(), "annotations": [{"image_id": 0, "keypoints": [1] * 21}]},
        "7 joints came; known are 16",
    ),
    "uneven": (
        {**dataset(), "annotations": [{"image_id": 0, "keypoints": [1] * 50}]},
        "entry 0: 50 numbers came",
    ),
    "no keypoints": (
        {**dataset(), "annotations": [{"image_id": 0}]},
        "entry 0: key 'keypoints' is missing",
    ),
    "NaN": (
        {
            **dataset(),
            "annotations": [{"image_id": 0, "keypoints": [float("nan")] * 51}],
        },
        r"the number at \[0\] is not finite",
    ),
    "NaN in plain": (
        {"keypoints": [[[1, float("inf")]] * 17], "width": 9, "height": 9},
        "frame 0, joint 0 is not finite",
    ),
    "null": (
        {"keypoints": [[[1, None, 1]] * 17], "width": 9, "height": 9},
        "frame 0, joint 0 is not finite",
    ),
    "ragged": (
        {"keypoints": [[[1, 2]] * 17, [[1, 2]] * 16], "width": 9, "height": 9},
        "no table of numbers",
    ),
    "poses": (
        {"keypoints": [[[500, 400, 4000]] * 17], "width": 9, "height": 9},
        "confidence from 0 to 1 were due; the third numbers go from 4000 to 4000 .3D poses",
    ),
    "poses around a root": (
        {"keypoints": [[[500, 400, -0.5]] * 17], "width": 9, "height": 9},
        "confidence from 0 to 1 were due",
    ),
    "percents": (
        {
            **dataset(),
            "annotations": [{"image_id": 0, "keypoints": [500, 400, 87] * 17}],
        },
        "the third numbers go from 87 to 87",
    ),
    "flat": ({"keypoints": [1, 2, 3], "width": 9, "height": 9}, r"shape \(3,\) came"),
    "nobody": ({**dataset(), "annotations": []}, "no person in any frame"),
    "no frames": (
        {"keypoints": np.zeros((0, 17, 2)).tolist(), "width": 9, "height": 9},
        r"shape \(0,\) came",
    ),
    "nothing seen": (
        {"keypoints": np.zeros((2, 17, 3)).tolist(), "width": 9, "height": 9},
        "every joint of every frame has confidence 0",
    ),
    "fps that is truth": (
        {"keypoints": ALL.tolist(), "width": 9, "height": 9, "fps": True},
        "fps True came",
    ),
    "fps of light": (
        {"keypoints": ALL.tolist(), "width": 9, "height": 9, "fps": 1e308},
        "fps 1e[+]308 came; a number above 0 and up to",
    ),
    "size of a planet": (
        {"keypoints": ALL.tolist(), "width": 10**12, "height": 9},
        "a picture of 1000000000000 x 9 came",
    ),
    "normalised": (
        {"keypoints": [[[0.5, 0.25]] * 17], "width": 9, "height": 9},
        "largest coordinate is 0.5, .*pixels were due",
    ),
    "numbers as text": (
        {"keypoints": [[["1", "2"]] * 17], "width": 9, "height": 9},
        "no table of numbers",
    ),
    "fps": (
        {"keypoints": ALL.tolist(), "width": 9, "height": 9, "fps": -1},
        "fps -1 came",
    ),
    "skeleton": (
        {"keypoints": ALL.tolist(), "width": 9, "height": 9, "skeleton": "coco71"},
        "did you mean coco17",
    ),
    "something else": ({"a": 1}, "none of the formats that are read: a COCO data set"),
    "a number": (3, "none of the formats that are read"),
    "people of nothing": ({"people": [{}]}, "key 'pose_keypoints_2d' is missing"),
    "two skeletons": (
        dataset()
        | {
            "annotations": [
                {"image_id": i, "keypoints": [1] * 3 * count}
                for i, count in enumerate((17, 16))
            ]
        },
        "people with 16 and 17 joints",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_content_is_one_line(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    with pytest.raises(BadInput, match=message) as caught:
        keypoints.load(write(tmp_path, content))
    assert "\n" not in str(caught.value)


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no \.json, \.npy, \.npz file"):
        keypoints.load(str(tmp_path) + SIZE)
    with pytest.raises(BadInput, match="no such file"):
        keypoints.load(str(tmp_path / "nowhere.json") + SIZE)
    with pytest.raises(BadInput, match="no path"):
        keypoints.load(SIZE)
    np.save(tmp_path / "walk.npy", ALL.astype(complex))
    with pytest.raises(BadInput, match="no table of numbers"):
        keypoints.load(f"{tmp_path}/walk.npy{SIZE}")
    (tmp_path / "walk.npy").write_bytes((tmp_path / "walk.npy").read_bytes()[:-9])
    with pytest.raises(BadInput, match=r"walk\.npy"):
        keypoints.load(f"{tmp_path}/walk.npy{SIZE}")
    # each is fine alone
    np.save(tmp_path / "walk.npy", ALL)
    write(tmp_path, ALL.tolist())
    with pytest.raises(BadInput, match="two files of the name walk"):
        keypoints.load(str(tmp_path) + SIZE)

"""Human3.6M in Pose2Mesh's JSON files, written here as they are published.

Values, labels, and one line for whatever is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.clip import Clip
from bench.data.geometry.cameras import project, world_to_camera
from bench.data.readers import h36m_coco
from models.errors import BadInput

# fmt: off
# standing, world millimetres, z up
POSE = np.array([
    [0, 0, 900], [-130, 0, 890], [-130, 10, 450], [-130, 0, 10], [130, 0, 890], [130, 10, 450],
    [130, 0, 10], [0, 0, 1150], [0, 0, 1400], [0, 60, 1490], [0, 40, 1600], [150, 0, 1380],
    [160, 0, 1100], [170, 20, 850], [-150, 0, 1380], [-160, 0, 1100], [-170, 20, 850],
], dtype=np.float64)
# fmt: on
ROTATION = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]  # world to camera: y forward, z up


def joint_3d(frames: range = range(3)) -> dict[str, Any]:
    """Action 2 (Directions), subactions 1 and 2; the person walks 10 mm a frame."""
    poses = {str(frame): (POSE + [10 * frame, 0, 0]).tolist() for frame in frames}
    return {"2": {"1": poses, "2": poses}}


def camera() -> dict[str, Any]:
    return {
        str(number): {
            "R": ROTATION,
            "t": [0, 900 + number, 4000],
            "f": [1145, 1144],
            "c": [512, 515],
        }
        for number in (1, 2)
    }  # X_camera = R X + t, not R (X - T)


def data(*, frames: range = range(0, 3, 2), keypoints: bool = False) -> dict[str, Any]:
    images, annotations = [], []
    for number in (1, 2):
        for frame in frames:
            place = len(images)
            images.append(
                {
                    "id": place,
                    "file_name": f"s_09/{place}.jpg",
                    "width": 1000,
                    "height": 1002,
                    "subject": 9,
                    "action_idx": 2,
                }
                | {"subaction_idx": 1, "frame_idx": frame, "cam_idx": number}
            )
            # each number tells where it belongs: the picture, the frame, and seen
            seen = {"keypoints": [place, frame, 2] * 17} if keypoints else {}
            annotations.append(
                {"id": place, "image_id": place, "bbox": [0, 0, 10, 10]} | seen
            )
    return {"images": images, "annotations": annotations}


def write(folder: Path, subject: int = 9, **parts: Any) -> Path:
    """A folder with the subject's files."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, content in ({"camera": camera(), "joint_3d": joint_3d()} | parts).items():
        (folder / f"Human36M_subject{subject}_{kind}.json").write_text(
            json.dumps(content)
        )
    return folder


def load(folder: Path) -> list[Clip]:
    return h36m_coco.load(str(folder))


def test_all_frames_of_all_cameras_without_the_list_of_images(tmp_path: Path) -> None:
    clips = load(write(tmp_path))
    assert [(clip.name, clip.camera_name) for clip in clips] == [
        (f"S9_act_02_subact_0{part}", name)
        for part in (1, 2)
        for name in ("54138969", "55011271")
    ]
    first = clips[0]
    assert (first.subject, first.action, first.style, first.fps, first.frames) == (
        "S9",
        "Directions",
        "1",
        50.0,
        3,
    )
    assert (first.camera.width, first.camera.height, clips[1].camera.height) == (
        1000,
        1002,
        1000,
    )
    np.testing.assert_allclose(first.world_pose[2], POSE + [20, 0, 0], atol=1e-3)
    # the hip, 900 mm up, seen from 901 mm
    np.testing.assert_allclose(first.camera_pose[0, 0], [0, 1, 4000], atol=1e-3)
    np.testing.assert_allclose(
        first.keypoints[0, 0], [512, 515 + 1144 / 4000], atol=1e-3
    )
    assert (first.confidence == 1).all()


def test_the_list_of_images_says_which_frames(tmp_path: Path) -> None:
    clips = load(write(tmp_path, data=data()))
    # Every second frame of the recording is shown, so half as many a second.
    assert len(clips) == 2, "subaction 2 is in no image"
    assert (clips[0].frames, clips[0].fps) == (2, 25.0)
    np.testing.assert_allclose(clips[0].world_pose[1], POSE + [20, 0, 0], atol=1e-3)
    np.testing.assert_allclose(
        clips[0].keypoints,
        project(clips[0].camera, world_to_camera(clips[0].camera, clips[0].world_pose)),
    )
    assert clips[1].camera.height == 1002


def test_annotated_keypoints_are_taken(tmp_path: Path) -> None:
    clip = load(write(tmp_path, data=data(keypoints=True)))[1]
    # pictures 2 and 3 are the second camera's
    np.testing.assert_array_equal(clip.keypoints[:, 5], [[2, 0], [3, 2]])
    assert (clip.confidence == 1).all()


def test_annotations_folder_subjects_and_small(tmp_path: Path) -> None:
    write(tmp_path / "annotations", 11, joint_3d=joint_3d(range(100)))
    write(tmp_path / "annotations", 5, joint_3d=joint_3d(range(100)))
    clips = h36m_coco.load(str(tmp_path), small=0.2)
    # 5 before 11, which as text would stand the other way round
    assert [clip.subject for clip in clips] == ["S5"] * 4 + ["S11"] * 4
    assert clips[0].frames == 20
    # the middle
    np.testing.assert_allclose(clips[0].world_pose[0, 0], [400, 0, 900], atol=1e-3)


def changed(key: list[Any], value: Any, content: dict[str, Any]) -> dict[str, Any]:
    inner: Any = content
    for part in key[:-1]:
        inner = inner[part]
    inner[key[-1]] = value
    return content


# the files that are written otherwise, and what is said of them
BAD: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "metres": (
        lambda: {"joint_3d": {"2": {"1": {"0": (POSE / 1000).tolist()}}}},
        "is in m, by its legs",
    ),
    "wrong joint count": (
        lambda: {"joint_3d": changed(["2", "1", "1"], POSE[:16].tolist(), joint_3d())},
        r"frame 1: shape \(16, 3\)",
    ),
    "infinite": (
        lambda: {"joint_3d": changed(["2", "1", "2", 4, 1], float("inf"), joint_3d())},
        r"frame 2: the number at \[4, 1\] is not finite",
    ),
    "text": (
        lambda: {"joint_3d": changed(["2", "1", "2", 4, 1], "x", joint_3d())},
        "frame 2: a list that is not numbers",
    ),
    "no frames": (
        lambda: {"joint_3d": {"2": {"1": {}}}},
        "action 2, subaction 1: nothing in it",
    ),
    "no actions": (lambda: {"joint_3d": {}}, "nothing in it"),
    "a list": (lambda: {"joint_3d": []}, "a list came; an object was due"),
    "named action": (
        lambda: {"joint_3d": {"Walk\n": {}}},
        r"'Walk\\n' came; a whole number was due",
    ),
    "huge frame": (
        lambda: {"joint_3d": {"2": {"1": {"9" * 400: []}}}},
        "a whole number was due",
    ),
    "no cameras": (lambda: {"camera": {}}, "camera.json: nothing in it"),
    "camera without t": (
        lambda: {"camera": {"1": {"R": ROTATION, "f": [1, 1], "c": [1, 1]}}},
        "camera 1: key 't' is missing",
    ),
    "no rotation": (
        lambda: {"camera": changed(["1", "R"], np.ones((3, 3)).tolist(), camera())},
        "camera 1: .* not a proper rotation",
    ),
    "behind the camera": (
        lambda: {"camera": changed(["1", "t"], [0, 0, -4000], camera())},
        r"camera\.json: S9_act_02_subact_01, camera 1: joint Hip lies behind .* frame 0",
    ),
    "image of an unknown camera": (
        lambda: {"data": changed(["images", 0, "cam_idx"], 7, data())},
        "camera 7 is missing",
    ),
    "image of an unknown frame": (
        lambda: {"data": data(frames=range(0, 9, 4))},
        "subaction 1: frame 4 is missing",
    ),
    "image of an unknown action": (
        lambda: {"data": changed(["images", 0, "action_idx"], 7, data())},
        "action 7, .* frame 0 is missing",
    ),
    "image without a size": (
        lambda: {"data": changed(["images", 1], {"id": 1, "action_idx": 2}, data())},
        "image 1: key 'subaction_idx'",
    ),
    "no images": (lambda: {"data": {"images": [], "annotations": []}}, "no images"),
    "keypoints of another skeleton": (
        lambda: {
            "data": changed(
                ["annotations", 1, "keypoints"], [0] * 48, data(keypoints=True)
            )
        },
        r"annotation 1, keypoints: shape \(48,\)",
    ),
    "behind the camera, annotated": (
        lambda: {
            "camera": changed(["1", "t"], [0, 0, -4000], camera()),
            "data": data(keypoints=True),
        },
        "camera 1: joint Hip lies behind",
    ),
    "camera in metres": (
        lambda: {"camera": changed(["2", "t"], [0, 0.9, 4], camera())},
        "camera 2: t is .* looks like metres",
    ),
    "a take twice": (
        lambda: {"joint_3d": {"2": {"1": {"0": POSE.tolist()}}, "02": {}}},
        "a number comes twice",
    ),
    "a frame twice": (
        lambda: {"data": changed(["images", 1, "frame_idx"], 0, data())},
        "image 1: frame 0 of .*, camera 1 comes twice",
    ),
    "two people": (
        lambda: {
            "data": changed(["annotations", 1, "image_id"], 0, data(keypoints=True))
        },
        "annotation 1: a second person",
    ),
    "normalised": (
        lambda: {
            "data": (
                data()
                | {
                    "annotations": [
                        {"image_id": place, "keypoints": [0.5, 1, 2] * 17}
                        for place in range(4)
                    ]
                }
            )
        },
        "keypoints: the largest coordinate is 1, .* pixels were due",
    ),
    "picture without height": (
        lambda: {"data": changed(["images", 0, "height"], 0, data())},
        "camera 1: pictures of several sizes",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_content_is_one_line_naming_the_place(tmp_path: Path, case: str) -> None:
    parts, message = BAD[case]
    with pytest.raises(BadInput, match=message) as caught:
        load(write(tmp_path, **parts()))
    assert "\n" not in str(caught.value)
    assert "Human36M_subject9_" in str(caught.value)


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no Human36M_subject\*_joint_3d\.json"):
        load(tmp_path)
    with pytest.raises(BadInput, match=r"no Human36M_subject\*_joint_3d\.json"):
        load(tmp_path / "nowhere")
    (write(tmp_path) / "Human36M_subject9_camera.json").unlink()
    with pytest.raises(BadInput, match=r"subject9_camera\.json: no such file"):
        load(tmp_path)


@pytest.mark.parametrize("kind", ["camera", "joint_3d", "data"])
def test_truncated_files(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path, data=data()) / f"Human36M_subject9_{kind}.json"
    whole = path.read_text()
    # at 25 places, spread over the file
    for length in range(0, len(whole), max(1, len(whole) // 25)):
        path.write_text(whole[:length])
        with pytest.raises(BadInput, match=rf"subject9_{kind}\.json:1: not JSON"):
            load(tmp_path)


def test_a_nest_without_end_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path) / "Human36M_subject9_joint_3d.json"
    path.write_text("[" * 200_000)  # deeper than Python's parser goes
    with pytest.raises(BadInput, match="not JSON"):
        load(tmp_path)

"""Files as detectors write them: each format gives the same person, and nobody stays a frame."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.detections.joints import BODY25
from bench.data.geometry import skeletons
from bench.data.readers import keypoints
from models.errors import BadInput
from tests.data.detections.walker import (
    FRAMES,
    NOBODY,
    POINTS,
    SEEN,
    SIZE,
    by_frame,
    dataset,
    flat,
    instance,
    landmarks,
    listed,
    row,
    same,
    table,
    video,
    write,
)

FILES: dict[str, Any] = {
    "COCO results": [{"image_id": frame, "keypoints": flat(frame)} for frame in SEEN],
    "COCO results with empty people": [
        {"image_id": frame, "keypoints": flat(frame) if frame in SEEN else []}
        for frame in range(FRAMES)
    ],
    "COCO results with null": [
        {"image_id": frame, "keypoints": flat(frame) if frame in SEEN else None}
        for frame in range(FRAMES)
    ],
    "COCO data set": dataset(),
    "COCO data set of found pictures": dataset(
        images=[
            {"id": frame, "width": 1920, "height": 1080, "file_name": f"{frame}.jpg"}
            for frame in SEEN
        ]
    ),
    "AlphaPose": listed("{}.jpg"),
    "Halpe-26": listed("{}.jpg", 26),
    "Halpe-136": listed("{}.jpg", 136),
    "AlphaPose's OpenPose": {
        f"{frame}.jpg": {
            "people": [{"pose_keypoints_2d": row(frame, 25, BODY25).ravel().tolist()}]
        }
        for frame in SEEN
    },
    "mmpose": video([]),
    "mmpose with null": video(None),
    "mmpose's demo": {
        "meta_info": {"dataset_name": "coco"},
        "instance_info": video([]),
    },
    "MediaPipe": by_frame(landmarks, None),
    "MediaPipe of nobody first": [[], *by_frame(landmarks, [])],
    "MediaPipe's protobuf": by_frame(lambda frame: {"landmark": landmarks(frame)}, {}),
    "MediaPipe's tasks": {
        "landmarks": by_frame(lambda frame: [landmarks(frame)], []),
        "fps": 30,
    },
    "plain with null": table(None),
    "plain with empty": table([]),
    "plain with zeros": table([[0, 0, 0]] * 17),
    "plain with NaN": table([[None] * 3] * 17),
    "plain without confidence": by_frame(lambda frame: POINTS[frame].tolist(), None),
}


@pytest.mark.parametrize("case", FILES)
def test_a_frame_without_people_stays(tmp_path: Path, case: str) -> None:
    (clip,) = keypoints.load(write(tmp_path, FILES[case]) + SIZE)
    same(clip, first=1 if case.endswith("nobody first") else 0)


PICTURES: dict[str, tuple[Callable[[int], Any], Any, str]] = {
    "mmpose": (lambda frame: [instance(frame)], [], "walk_{:04}.json"),
    "mmpose's demo": (
        lambda frame: {"instance_info": [instance(frame)]},
        {"instance_info": []},
        "{}.json",
    ),
    **{
        f"OpenPose of {json.dumps(nobody)}": (
            lambda frame: {"people": [{"pose_keypoints_2d": flat(frame)}]},
            nobody,
            "walk_{:012}_keypoints.json",
        )
        for nobody in (
            None,
            {},
            {"version": 1.3},
            {"people": None},
            {"people": []},
            {"people": [{"pose_keypoints_2d": []}]},
            {"people": [{"pose_keypoints_2d": None}]},
            {"people": [{"pose_keypoints_2d": [0] * 51}]},
        )
    },
}


@pytest.mark.parametrize("case", PICTURES)
def test_files_of_one_picture_each_are_a_video(tmp_path: Path, case: str) -> None:
    some, nobody, name = PICTURES[case]
    for frame in range(FRAMES):
        content = some(frame) if frame in SEEN else nobody
        write(
            tmp_path, content, name.format(frame + 8)
        )  # 8 to 13: text order is not it
    (clip,) = keypoints.load(f"{tmp_path}{SIZE}")
    same(clip)
    assert clip.name == ("walk" if name.startswith("walk") else tmp_path.name)


def test_a_picture_that_is_missing_is_refused(tmp_path: Path) -> None:
    for frame in (0, 1, 3):
        write(tmp_path, [instance(frame)], f"walk_{frame}.json")
    with pytest.raises(BadInput, match="frame 2 of walk_0 and on is missing"):
        keypoints.load(f"{tmp_path}{SIZE}")


def landmark_table(numbers: int) -> np.ndarray:
    """(frames, 33, numbers) as arrays of MediaPipe's are kept."""
    found = np.zeros((FRAMES, 33, 5))
    for frame in SEEN:
        found[frame] = [
            [one["x"], one["y"], one["z"], one["visibility"], 0.9]
            for one in landmarks(frame)
        ]
    return found[..., :numbers]


@pytest.mark.parametrize("numbers", [2, 3, 4, 5])
@pytest.mark.parametrize("missed", [0.0, np.nan])
def test_arrays_of_mediapipe(tmp_path: Path, numbers: int, missed: float) -> None:
    found = landmark_table(numbers)
    found[list(NOBODY)] = missed
    np.save(tmp_path / "walk.npy", found)
    (clip,) = keypoints.load(f"{tmp_path}/walk.npy{SIZE}")
    same(clip)
    # of three the last may be depth or confidence, and the one taken is said
    assert any("third number" in note for note in clip.notes) == (numbers == 3)
    found[..., :2] *= (1920, 1080)
    np.save(tmp_path / "walk.npy", found)
    (clip,) = keypoints.load(f"{tmp_path}/walk.npy{SIZE}")
    same(clip)


def test_landmarks_need_the_picture_and_are_in_it(tmp_path: Path) -> None:
    path = write(tmp_path, by_frame(landmarks, None))
    with pytest.raises(BadInput, match="picture size is not in the file"):
        keypoints.load(path)
    stated = {"landmarks": by_frame(landmarks, None), "width": 1920, "height": 1080}
    same(keypoints.load(write(tmp_path, stated))[0])
    world = landmark_table(4)
    world[..., :2] -= world[:, [23, 24], :2].mean(axis=1, keepdims=True)
    np.save(tmp_path / "walk.npy", world)
    with pytest.raises(BadInput, match="world landmarks"):
        keypoints.load(f"{tmp_path}/walk.npy{SIZE}")


def archive(
    folder: Path, *, actions: dict[str, Any] | None = None, **stated: Any
) -> str:
    """VideoPose3D's, of two videos of one's own."""
    sides = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]
    sizes = {"w": 1920, "h": 1080, "fps": 50}
    positions = {"a.mp4": {"custom": [POINTS]}, "b.mp4": {"custom": [POINTS + 9]}}
    facts = {
        "layout_name": "coco",
        "num_joints": 17,
        "keypoints_symmetry": sides,
        "video_metadata": {"a.mp4": sizes, "b.mp4": sizes},
        **stated,
    }
    np.savez_compressed(
        folder / "data_2d_custom_walk.npz",
        positions_2d=np.array(actions or positions, object),
        metadata=np.array(facts, object),
    )
    return str(folder / "data_2d_custom_walk.npz")


def test_archives_of_own_videos(tmp_path: Path) -> None:
    first, second = keypoints.load(archive(tmp_path))
    assert first.name == "data_2d_custom_walk a.mp4"
    np.testing.assert_allclose(first.keypoints, POINTS, rtol=1e-6)
    np.testing.assert_allclose(second.keypoints, POINTS + 9, rtol=1e-6)
    assert (first.camera.width, first.camera.height, first.fps) == (1920, 1080, 50)
    assert first.skeleton.name == "coco17"
    assert not any("joints" in note for note in first.notes)


def test_archives_of_other_actions_name_their_cameras(tmp_path: Path) -> None:
    path = archive(tmp_path, actions={"S1": {"Walking 1": [POINTS, POINTS]}})
    names = [clip.name for clip in keypoints.load(path + SIZE)]
    assert names == [f"data_2d_custom_walk S1 Walking 1 {camera}" for camera in (0, 1)]


def test_archives_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    path = archive(tmp_path, layout_name="h36m")
    with pytest.raises(
        BadInput, match="h36m is h36m17; keypoints_symmetry has .*coco17"
    ):
        keypoints.load(path)
    more = {"a": {"custom": [np.concatenate([POINTS, POINTS[:, :8]], axis=1)]}}
    with pytest.raises(BadInput, match="25 joints came; 17 were due for .* coco17"):
        keypoints.load(archive(tmp_path, actions=more) + SIZE)


def test_alphapose_follows_its_tracker(tmp_path: Path) -> None:
    both = [
        {
            "image_id": f"{frame}.jpg",
            "keypoints": row(place).ravel().tolist(),
            # a list of one, as the tracker writes them where it has merged people
            "idx": [track],
        }
        for frame in range(FRAMES)
        for track, place in ((1, frame), (2, FRAMES - 1 - frame))
    ]
    (clip,) = keypoints.load(write(tmp_path, both) + SIZE)
    np.testing.assert_allclose(clip.keypoints, POINTS, rtol=1e-6)
    (clip,) = keypoints.load(write(tmp_path, both) + SIZE + "@person2")
    np.testing.assert_allclose(clip.keypoints, POINTS[::-1], rtol=1e-6)


def test_scores_beyond_one_are_cut_and_said(tmp_path: Path) -> None:
    # as mmpose's RTMPose gives them
    high = instance(0) | {"keypoint_scores": [7.5] * 16 + [-0.1]}
    (clip,) = keypoints.load(write(tmp_path, [high]) + SIZE)
    assert (clip.confidence[0].max(), clip.confidence[0].min()) == (1, 0)
    assert any(note.startswith("scores from -0.1 to 7.5") for note in clip.notes)


BAD: dict[str, tuple[object, str]] = {
    "two skeletons": (
        {
            "meta_info": {
                "dataset_name": "h36m",
                "keypoint_id2name": dict(enumerate(skeletons.load("coco17").joints)),
            },
            "instance_info": [],
        },
        "dataset_name h36m is h36m17, and the joints are named as those of coco17",
    ),
    "poses": (
        [{"keypoints": [[1, 2, 3]] * 17, "keypoint_scores": [1] * 17}],
        "keypoints of 3 numbers came",
    ),
    "a frame twice": (
        [{"frame_id": 1, "instances": []}, {"frame_id": 1, "instances": []}],
        "frame 1 comes twice",
    ),
    "few landmarks": ([[{"x": 0.1, "y": 0.2}] * 21], "21, 4"),
    "nobody": ([], "no person in any frame"),
    "nobody in a video": ([{"frame_id": 1, "instances": None}], "no person in any"),
    "scores": (
        [{"keypoints": [[1, 2]] * 17, "keypoint_scores": [1] * 16}],
        r"keypoint_scores: shape \(16,\) came",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_content_is_one_line(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    with pytest.raises(BadInput, match=message) as caught:
        keypoints.load(write(tmp_path, content) + SIZE)
    assert "\n" not in str(caught.value)

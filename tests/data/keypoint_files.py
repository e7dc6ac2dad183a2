"""Tiny valid files of 2D keypoints, in each format that is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FRAMES = 4
# Human3.6M's joints of somebody who walks to the right, pixels; as COCO's they are nobody's, and
# near enough to each other to be somebody's
POINTS = np.random.default_rng(0).uniform(400, 600, (1, 17, 2)) + 5.0 * np.arange(
    FRAMES
).reshape(-1, 1, 1)


def keypoints_coco(folder: Path) -> str:
    """A COCO data set of keypoints."""
    found = np.concatenate([POINTS, np.ones((FRAMES, 17, 1))], axis=-1)
    images = [
        {"id": frame, "width": 1000, "height": 1000, "file_name": f"{frame}.jpg"}
        for frame in range(FRAMES)
    ]
    people = [
        {
            "image_id": frame,
            "category_id": 1,
            "keypoints": found[frame].ravel().tolist(),
            "score": 0.9,
        }
        for frame in range(FRAMES)
    ]
    (folder / "walk.json").write_text(
        json.dumps({"images": images, "annotations": people, "categories": []})
    )
    return f"keypoints:{folder / 'walk.json'}@1000x1000"


def keypoints_openpose(folder: Path) -> str:
    """OpenPose's file of each frame, 25 joints."""
    found = np.c_[np.arange(50.0).reshape(25, 2), np.full(25, 0.5)]
    for frame in range(FRAMES):
        person = {
            "person_id": [-1],
            "pose_keypoints_2d": found.ravel().tolist(),
            "face_keypoints_2d": [],
        }
        (folder / f"walk_{frame:012}_keypoints.json").write_text(
            json.dumps({"version": 1.3, "people": [person]})
        )
    return f"keypoints:{folder}@1000x1000"


def keypoints_npy(folder: Path) -> str:
    np.save(folder / "walk.npy", POINTS)
    return f"keypoints:{folder / 'walk.npy'}@1000x1000@h36m17"


def keypoints_alphapose(folder: Path) -> str:
    """Two people by a tracker, 136 joints, two videos, and a picture of nobody."""
    row = np.ones((136, 3))
    entries = []
    for frame in range(FRAMES):
        row[:17, :2] = POINTS[frame]
        entries += [
            {
                "image_id": f"{video}/{frame + frame // 2}.jpg",
                "keypoints": (row + shift).ravel().tolist(),
                "idx": [shift],
            }
            for video in ("left", "right")
            for shift in (0, 1)
        ]
    return _json(folder, entries)


def keypoints_mmpose(folder: Path) -> str:
    """A video of mmpose's demo, nobody in one frame."""
    people: list[list[Any]] = [
        [{"keypoints": frame.tolist(), "keypoint_scores": [0.5] * 17}]
        for frame in POINTS
    ]
    video = [
        {"frame_id": number, "instances": found}
        for number, found in enumerate([*people, []])
    ]
    meta = {"dataset_name": "h36m", "keypoint_id2name": {"0": "root"}}
    return _json(folder, {"meta_info": meta, "instance_info": video})


def keypoints_mediapipe(folder: Path) -> str:
    """Landmarks, nobody in one frame."""
    landmark = {"x": 0.25, "y": 0.5, "z": -0.1, "visibility": 0.9}
    frames: list[Any] = [[landmark] * 33] * FRAMES
    return _json(folder, {"landmarks": [*frames, None], "fps": 30})


def keypoints_npz(folder: Path) -> str:
    """VideoPose3D's archive of one's own video."""
    facts = {
        "layout_name": "h36m",
        "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
        "video_metadata": {"a.mp4": {"w": 1000, "h": 1000}},
    }
    np.savez_compressed(
        folder / "walk.npz",
        positions_2d=np.array({"a.mp4": {"custom": [POINTS]}}, object),
        metadata=np.array(facts, object),
    )
    return f"keypoints:{folder / 'walk.npz'}"


def _json(folder: Path, content: object) -> str:
    (folder / "walk.json").write_text(json.dumps(content))
    return f"keypoints:{folder / 'walk.json'}@1000x1000"


KEYPOINTS: dict[str, Callable[[Path], str]] = {
    "keypoints, COCO": keypoints_coco,
    "keypoints, OpenPose": keypoints_openpose,
    "keypoints, npy": keypoints_npy,
    "keypoints, AlphaPose": keypoints_alphapose,
    "keypoints, mmpose": keypoints_mmpose,
    "keypoints, MediaPipe": keypoints_mediapipe,
    "keypoints, npz": keypoints_npz,
}

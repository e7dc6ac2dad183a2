"""Somebody who walks, as each detector writes it, and nobody in two of the frames."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.data.clip import Clip
from bench.data.detections.joints import MEDIAPIPE33

FRAMES, NOBODY = 6, (2, 3)  # frames, and those in which nobody was found
SIZE = "@1920x1080"
# COCO's joints of somebody who walks to the right, pixels
STEP = np.array([6.0, 0.0])
BODY = np.random.default_rng(0).uniform(300, 700, (17, 2)).round(2)
POINTS = np.stack([BODY + frame * STEP for frame in range(FRAMES)])
SEEN = [frame for frame in range(FRAMES) if frame not in NOBODY]


def row(
    frame: int, count: int = 17, picks: tuple[int, ...] | None = None
) -> np.ndarray:
    """x, y, confidence of one frame, COCO's joints among `count`."""
    table = np.full((count, 3), 0.5)
    table[list(picks or range(17)), :2] = POINTS[frame]
    return table


def flat(frame: int, count: int = 17) -> list[float]:
    return row(frame, count).ravel().tolist()


def instance(frame: int) -> dict[str, Any]:
    """As mmpose writes it."""
    return {"keypoints": POINTS[frame].tolist(), "keypoint_scores": [0.5] * 17}


def landmarks(frame: int) -> list[dict[str, float]]:
    """As MediaPipe has them: shares of the picture."""
    table = row(frame, 33, MEDIAPIPE33)
    return [
        {"x": x / 1920, "y": y / 1080, "z": -0.2, "visibility": sure}
        for x, y, sure in table.tolist()
    ]


def by_frame(some: Callable[[int], Any], nobody: Any) -> list[Any]:
    return [some(frame) if frame in SEEN else nobody for frame in range(FRAMES)]


def listed(name: str, count: int = 17) -> list[dict[str, Any]]:
    """As COCO's results: nothing is written of a picture without people."""
    return [
        {"image_id": name.format(frame), "keypoints": flat(frame, count)}
        for frame in SEEN
    ]


def video(nobody: Any) -> list[dict[str, Any]]:
    """As mmpose's inferencer writes it for a video."""
    people = by_frame(lambda frame: [instance(frame)], nobody)
    return [
        {"frame_id": frame, "instances": found} for frame, found in enumerate(people)
    ]


def dataset(**stated: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": frame, "width": 1920, "height": 1080} for frame in range(FRAMES)
        ],
        "annotations": [
            {"image_id": frame, "keypoints": flat(frame)} for frame in SEEN
        ],
        **stated,
    }


def table(nobody: Any) -> list[Any]:
    return by_frame(lambda frame: row(frame).tolist(), nobody)


def write(folder: Path, content: object, name: str = "walk.json") -> str:
    (folder / name).write_text(json.dumps(content))
    return str(folder / name)


def same(clip: Clip, first: int = 0) -> None:
    """The person in the frames where they were seen; confidence 0, at the last place, elsewhere."""
    assert clip.frames == FRAMES + first
    held = [1 if frame in NOBODY else frame for frame in range(FRAMES)]
    np.testing.assert_allclose(clip.keypoints[first:], POINTS[held], rtol=1e-5)
    found = (clip.confidence[first:] > 0).all(axis=1)
    assert np.flatnonzero(found).tolist() == SEEN
    said = f"{len(NOBODY) + first} of {clip.frames} frames without the person"
    assert any(note.startswith(said) for note in clip.notes)

"""Landmarks that say their frame or time: order, frames that lack, and the rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.data.detections import pictures
from bench.data.readers import keypoints
from models.errors import BadInput
from tests.data.detections.walker import SIZE, STEP, landmarks, write


def said(key: str, by: float, numbers: list[int]) -> list[dict[str, Any]]:
    """Frame 0 of the walker shifted by as many steps as the number, which is said in units."""
    frames = []
    for number in numbers:
        person = landmarks(0)
        for each in person:
            each["x"] += number * STEP[0] / 1920
        frames.append({key: number * by, "landmarks": person})
    return frames


@pytest.mark.parametrize(
    ("key", "by", "fps"),
    [
        ("frame", 1, keypoints.FPS),
        ("frame_id", 1, keypoints.FPS),
        ("frameIndex", 1, keypoints.FPS),
        ("timestamp", 40, 25),
        ("timestamp_ms", 20, 50),
        ("time", 0.02, 50),
        ("timestamp_us", 33333, 1e6 / 33333),
    ],
)
def test_order_gaps_and_rate_are_what_frames_say(
    tmp_path: Path, key: str, by: float, fps: float
) -> None:
    (clip,) = keypoints.load(write(tmp_path, said(key, by, [5, 2, 0, 1])) + SIZE)
    assert np.flatnonzero(clip.confidence.max(axis=1)).tolist() == [0, 1, 2, 5]
    moved = (clip.keypoints - clip.keypoints[0])[[0, 1, 2, 5], 0, 0]
    np.testing.assert_allclose(moved, np.array([0, 1, 2, 5]) * STEP[0], atol=1e-2)
    assert clip.fps == pytest.approx(fps)
    timed = [note for note in clip.notes if f"by the file's {key}" in note]
    assert len(timed) == key.startswith("time")


def test_numbers_and_times_together(tmp_path: Path) -> None:
    # every tenth frame of 30 a second
    frames = said("frame", 10, [0, 1, 3])
    for frame in frames:
        frame["timestamp"] = frame["frame"] * 1000 / 30
    (clip,) = keypoints.load(write(tmp_path, frames) + SIZE)
    assert (clip.frames, clip.fps) == (4, pytest.approx(3))
    # what the file states of itself is taken before
    stated = {"landmarks": frames, "fps": 4}
    assert keypoints.load(write(tmp_path, stated) + SIZE)[0].fps == 4


def test_times_that_count_no_frames_are_said(tmp_path: Path) -> None:
    times = [0, 1, 40, 80, 120]  # the second is hardly after the first
    (clip,) = keypoints.load(write(tmp_path, said("time", 0.001, times)) + SIZE)
    assert clip.frames == len(times)
    assert pictures.UNEVEN in clip.notes
    assert clip.fps == keypoints.FPS


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (said("frame", 1, [1, 1]), "frame 1 comes twice"),
        (said("timestamp", 40, [1, 1]), "a timestamp comes twice"),
        (
            [*said("frame", 1, [1]), {"landmarks": []}],
            "frame 1: key 'frame' is missing",
        ),
        (said("frame", 0.5, [1]), "0.5 came; a whole number was due"),
        (
            [{"timestamp": "noon", "landmarks": landmarks(0)}],
            "timestamp: a list that is",
        ),
    ],
)
def test_bad_numbers_are_one_line(
    tmp_path: Path, frames: list[Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        keypoints.load(write(tmp_path, frames) + SIZE)
    assert "\n" not in str(caught.value)

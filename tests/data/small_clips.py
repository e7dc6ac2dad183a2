"""Four short clips of random numbers, for tests of windows and of the order they come in."""

from __future__ import annotations

import numpy as np

from bench.data.clip import Clip
from bench.data.geometry.cameras import look_at
from bench.data.geometry.skeletons import H36M17

CAMERA = look_at(
    (0, -5000, 1500),
    (0, 0, 900),
    focal=1145,
    size=(1000, 800),
)


def clip(frames: int, name: str = "a", action: str = "Walking") -> Clip:
    draw = np.random.default_rng(frames)
    keypoints = draw.uniform(0, 1000, (frames, 17, 2))
    pose = draw.normal(0, 500, (frames, 17, 3))
    confidence = draw.random((frames, 17))
    arrays = (part.astype(np.float32) for part in (keypoints, confidence, pose, pose))
    return Clip(name, "S1", action, "", "cam0", 50.0, H36M17, *arrays, CAMERA)


CLIPS = [
    clip(30, "a"),
    clip(7, "b", "Sitting"),
    clip(1, "c"),
    clip(64, "d", "Eating"),
]

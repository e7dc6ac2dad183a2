"""A clip at other times than those of its frames, by linear interpolation."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip

Float = NDArray[np.float64]

# of a frame: a time nearer to a frame is that frame's, so that 3 x (1/3) does not reach beyond the
# last one, and a joint missed in the next frame is not missed in this one
ROUNDING = 1e-6


def times(clip: Clip, step: float) -> Float:
    """Times in frames, `step` apart, from the first frame to the last at most."""
    # the small number keeps a last time that rounding has put just short of the last frame
    count = int((clip.frames - 1) / step + 1e-9) + 1
    return np.arange(count, dtype=np.float64) * step


def at(clip: Clip, when: Float) -> Clip:
    """The clip at times between its frames.

    A joint between a seen and a missed frame is missed.
    """
    low = np.minimum(when.astype(np.int64), clip.frames - 1)
    part = np.clip(when - low, 0, 1).astype(np.float32)
    high = np.where(part > ROUNDING, np.minimum(low + 1, clip.frames - 1), low)
    part = part[:, None, None]
    moved: dict[str, Any] = {}
    for name in ("keypoints", "camera_pose", "world_pose"):
        pose = getattr(clip, name)
        moved[name] = (
            None if pose is None else pose[low] * (1 - part) + pose[high] * part
        )
    # a frame between one that counts and one that does not is not scored either
    for name in ("confidence", "counted"):
        values = getattr(clip, name)
        moved[name] = None if values is None else np.minimum(values[low], values[high])
    # between two pictures there is none
    return dataclasses.replace(clip, **moved, pictures=None, boxes=None)

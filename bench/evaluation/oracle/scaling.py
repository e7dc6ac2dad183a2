"""Mean and deviation of what a model reads of the training clips, by two passes over all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.evaluation.oracle import cutting
from bench.evaluation.oracle.cutting import Array, Cut, Float, Strip
from bench.evaluation.oracle.sight import Sight

STILL = (
    1e-3  # a deviation below this is a standstill: such a coordinate is divided by 1
)


@dataclass(frozen=True)
class Scaling:
    """(J, C) each; a model that takes the screen as it is has zeros and ones."""

    mean: Float
    deviation: Float

    def scaled(self, windows: Array) -> Array:
        """Keypoints (..., J, C) as the model takes them, in their own type."""
        kind = windows.dtype
        return (windows - self.mean.astype(kind)) / self.deviation.astype(kind)

    def rounding(self, windows: Array) -> float:
        """By how much one rounding in float32 of each number on the way moves a scaled keypoint.

        Those are its place in the picture from 0 to 2, that on the screen, the mean, and all of
        them once more in the deviation. Much, where a coordinate hardly varies.
        """
        sizes = (1 + np.abs(windows) + np.abs(self.mean)) / self.deviation
        moved = sizes * (1 + np.abs(self.scaled(windows)))
        return float(moved.max(initial=0.0)) * 2.0**-24


def none(sight: Sight) -> Scaling:
    """What is read as it is."""
    shape = (len(sight.joints), sight.channels)
    if sight.reads == "images":
        shape = (1, 1)  # of any size
    return Scaling(np.zeros(shape), np.ones(shape))


def kept(arrays: Mapping[str, Float], sight: Sight) -> Scaling:
    """What a checkpoint says; nothing where it says nothing."""
    if not arrays:
        return none(sight)
    mean, deviation = (arrays[name].astype(np.float64) for name in ("mean", "std"))
    return Scaling(mean, deviation)


def fit(train: Cut) -> Scaling:
    """Of every frame that a training window predicts, each counted once."""
    seen = [
        _read(strip, train.scored(number), train.sight)
        for number, strip in enumerate(train.strips)
    ]
    count = sum(map(len, seen))
    mean = sum(part.sum(axis=0) for part in seen) / count
    # about the mean: the difference of two large sums would have lost its digits
    squares = sum(((part - mean) ** 2).sum(axis=0) for part in seen)
    deviation = np.sqrt(squares / count)
    return Scaling(mean, np.where(deviation < STILL, 1.0, deviation))


def _read(strip: Strip, frames: Sequence[int], sight: Sight) -> Float:
    """(n, J, C) of some frames of a strip, keypoints or poses."""
    if sight.reads == "poses":
        return cutting.poses(strip, frames, sight)
    return screen(strip, frames, sight)


def screen(strip: Strip, frames: Sequence[int], sight: Sight) -> Float:
    """(n, J, C) of some frames of a strip."""
    clip = strip.clip
    inside = [strip.begin + frame for frame in frames]
    joints = [clip.skeleton.joints.index(joint) for joint in sight.joints]
    pixels = clip.keypoints[inside][:, joints].astype(np.float64)
    width, height = clip.camera.width, clip.camera.height
    x = 2 * pixels[..., 0] / width - 1
    y = (2 * pixels[..., 1] - height) / width
    channels = [x, y]
    if sight.channels == 3:
        channels.append(clip.confidence[inside][:, joints].astype(np.float64))
    return np.stack(channels, axis=-1)

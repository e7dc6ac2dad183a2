"""Clips end to end in two float32 arrays, each padded for windows that reach beyond its
ends.

Clips are copied one after the other, a block of frames at a time, and not kept: those that
an iterator makes or that are mapped from a file are never in memory together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.data.batches.pages import give_back
from bench.data.batches.rows import Array, Rows
from bench.data.clip import Clip
from bench.data.geometry import image_space
from bench.data.geometry.cameras import to_screen
from bench.data.geometry.skeletons import Skeleton
from models.errors import BadInput

Index = NDArray[np.int64]
Pad = Literal["edge", "reflect"]

Kept = list[int] | slice

BLOCK = 1024  # frames copied at a time: few enough to stay in the cache
LABELS = ("action", "subject", "style", "name", "camera_name")


@dataclass(frozen=True, eq=False)
class Padded:
    """`keypoints` (rows, joints * channels) on the screen, `targets` (rows, joints * 3)
    metres from the root, of width 0 without poses.

    Where targets are thousands of pixels (`image_space.py`), `factors` (rows, 1) has the mm
    per pixel of each row; else its width is 0. A clip of n frames has max(n, outputs) rows
    of targets and `context` more of keypoints, half of them before it. `lengths` and
    `labels` are those of the clips, in their order; `counted` (all frames,) says which
    frames may be scored.
    """

    keypoints: Array
    targets: Array
    factors: Array
    lengths: Index
    counted: NDArray[np.bool_]
    labels: tuple[dict[str, str], ...]
    skeleton: Skeleton
    root: int


def lay_out(
    clips: Iterable[Clip],
    *,
    outputs: int,
    context: int,
    pad: Pad,
    skeleton: Skeleton | None,
    root: str,
    channels: int,
    pixels: bool,
) -> Padded:
    """Write the clips into arrays, `skeleton`'s joints alone where it is given.

    Raises BadInput and UnknownName as `Windows` does.
    """
    rest = iter(clips)
    first = next(rest, None)
    if first is None:
        raise BadInput("windows: no clips; give at least one")
    chosen = skeleton or first.skeleton
    joints, centre = list(first.skeleton.indices(chosen.joints)), chosen.index(root)
    # a slice costs no copy
    kept = slice(None) if joints == list(range(len(first.skeleton.joints))) else joints
    keypoints, targets = (
        Rows(len(joints) * channels),
        Rows(0 if first.camera_pose is None else len(joints) * 3),
    )
    factors = Rows(1 if pixels else 0)
    lengths, counted, labels = [], [], []
    for clip in itertools.chain([first], rest):
        _check(clip, first)
        stored = max(clip.frames, outputs)
        seen, truth, scale = (
            keypoints.add(stored + context),
            targets.add(stored),
            factors.add(stored),
        )
        _write(
            clip, kept, centre, keypoints=seen[context // 2 :], targets=truth, factors=scale
        )
        _fill(seen, context // 2, clip.frames, how=pad)
        _fill(truth, 0, clip.frames, how=pad)
        _fill(scale, 0, clip.frames, how=pad)
        lengths.append(clip.frames)
        counted.append(
            np.ones(clip.frames, dtype=np.bool_)
            if clip.counted is None
            else clip.counted > 0
        )
        labels.append({field: getattr(clip, field) for field in LABELS})
        give_back(clip)
    facts = np.array(lengths, dtype=np.int64), np.concatenate(counted), tuple(labels)
    return Padded(
        keypoints.finish(), targets.finish(), factors.finish(), *facts, chosen, centre
    )


def _check(clip: Clip, first: Clip) -> None:
    if clip.skeleton != first.skeleton:
        raise BadInput(
            f"clip {clip.name} has skeleton {clip.skeleton.name}, others"
            f" {first.skeleton.name}; convert them to one"
        )
    if (clip.camera_pose is None) != (first.camera_pose is None):
        without = clip if clip.camera_pose is None else first
        raise BadInput(
            f"clip {without.name} has no poses and others have; keep keypoints for"
            " inference apart from data with poses"
        )


def _write(
    clip: Clip, kept: Kept, root: int, *, keypoints: Array, targets: Array, factors: Array
) -> None:
    """Write a clip's frames, which are the first rows, a block at a time.

    Where factors have width 0, targets stay in metres.
    """
    for start in range(0, clip.frames, BLOCK):
        part = slice(start, min(start + BLOCK, clip.frames))
        _screen(clip, part, kept, out=keypoints[part])
        if clip.camera_pose is not None:
            _relative(clip.camera_pose[part], kept, root, out=targets[part])
        if factors.size:
            factors[part, 0] = image_space.factors(clip, part)
            targets[part] /= factors[part]


def _screen(clip: Clip, part: slice, kept: Kept, *, out: Array) -> None:
    """Write screen keypoints of some frames and, where `out` (frames, joints * channels)
    has a third channel, confidence.
    """
    keypoints = clip.keypoints[part][:, kept]
    view = out.reshape(*keypoints.shape[:2], -1)
    view[..., :2] = to_screen(keypoints, width=clip.camera.width, height=clip.camera.height)
    view[..., 2:] = clip.confidence[part][:, kept, None]


def _relative(pose: Array, kept: Kept, root: int, *, out: Array) -> None:
    """Write camera-frame poses (frames, all joints, 3) mm as metres from the root, into
    (frames, joints * 3).
    """
    pose = pose[:, kept]
    view = out.reshape(pose.shape)
    np.subtract(pose, pose[:, root : root + 1], out=view)
    view /= 1000


def _fill(rows: Array, before: int, length: int, *, how: Pad) -> None:
    """Fill what lies around the `length` rows of a clip, which start at `before`."""
    for beyond in (np.arange(-before, 0), np.arange(length, len(rows) - before)):
        rows[before + beyond] = rows[before + _inside(beyond, length, how=how)]


def _inside(frames: Index, length: int, *, how: Pad) -> Index:
    """The frames of a clip that stand for frame numbers beyond it.

    Reflection repeats neither end, and turns as often as it must.
    """
    if how == "edge" or length == 1:
        return np.clip(frames, 0, length - 1)
    period = 2 * (length - 1)
    return np.minimum(frames % period, -frames % period)

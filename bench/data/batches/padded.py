"""Clips end to end in two float32 arrays, each padded for windows that reach beyond its ends.

Clips are copied one after the other, a block of frames at a time, and not kept: those that an
iterator makes or that are mapped from a file are never in memory together. Which rows make a window
is in `windows.py`.
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

BLOCK = 1024  # frames copied at a time: few enough to stay in the cache
METRE = 1000  # millimetres, which poses come in
LABELS = ("action", "subject", "style", "name", "camera_name")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How clips are to lie."""

    outputs: int  # frames that a window predicts: a clip has at least as many rows of targets
    context: int  # further frames of keypoints that it sees
    before: int  # how many of them lie before its outputs
    pad: Pad  # what they hold beyond the ends of a clip
    skeleton: Skeleton | None  # the joints to keep; None for the clips' own
    root: str  # the joint that targets are relative to
    channels: int  # 2, or 3 with confidence
    pixels: bool  # targets in thousands of pixels (`image_space.py`)


@dataclass(frozen=True, eq=False)
class Padded:
    """Rows of keypoints and targets, and what is known of the clips they came from.

    A clip of n frames has max(n, outputs) rows of targets and `context` more of keypoints,
    `before` of them before it.
    """

    keypoints: Array  # (rows, joints * channels), on the screen
    # (rows, joints * 3), metres from the root, NaN where the truth lacks a joint or the root; of
    # width 0 without poses
    targets: Array
    factors: Array  # (rows, 1), mm per pixel; of width 0 where targets are metres
    lengths: Index  # (clips,), frames of each
    counted: NDArray[np.bool_]  # (all frames,), which may be scored
    labels: tuple[dict[str, str], ...]  # of each clip
    skeleton: Skeleton
    root: int


def lay_out(clips: Iterable[Clip], layout: Layout) -> Padded:
    """Write the clips into arrays, the layout's joints alone where it names some.

    Raises BadInput and UnknownName as `Windows` does.
    """
    rest = iter(clips)
    first = next(rest, None)
    if first is None:
        raise BadInput("windows: no clips; give at least one")
    laid = _Laid(layout, first)
    for clip in itertools.chain([first], rest):
        _check(clip, first)
        laid.add(clip)
        # of a mapped clip nothing stays in memory but the copy
        give_back(clip)
    return laid.finish()


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


class _Laid:
    """The clips that lie there so far; `first` is like all that come."""

    def __init__(self, layout: Layout, first: Clip) -> None:
        self.layout = layout
        self.skeleton = layout.skeleton or first.skeleton
        self.root = self.skeleton.index(layout.root)
        joints = list(first.skeleton.indices(self.skeleton.joints))
        every = list(range(len(first.skeleton.joints)))
        # a slice costs no copy, and most protocols keep all joints in order
        self.kept: list[int] | slice = slice(None) if joints == every else joints
        self.keypoints = Rows(len(joints) * layout.channels)
        self.targets = Rows(0 if first.camera_pose is None else len(joints) * 3)
        self.factors = Rows(1 if layout.pixels else 0)
        self.lengths: list[int] = []
        self.counted: list[NDArray[np.bool_]] = []
        self.labels: list[dict[str, str]] = []

    def add(self, clip: Clip) -> None:
        """Write one clip, its padding and its labels."""
        before = self.layout.before
        how = self.layout.pad
        # a clip shorter than a window's output is padded at its end
        stored = max(clip.frames, self.layout.outputs)
        seen = self.keypoints.add(stored + self.layout.context)
        truth = self.targets.add(stored)
        scale = self.factors.add(stored)
        for start in range(0, clip.frames, BLOCK):
            part = slice(start, min(start + BLOCK, clip.frames))
            self._write(clip, part, seen[before:], truth, scale)
        _fill(seen, before, clip.frames, how=how)
        _fill(truth, 0, clip.frames, how=how)
        _fill(scale, 0, clip.frames, how=how)
        self.lengths.append(clip.frames)
        if clip.counted is None:
            self.counted.append(np.ones(clip.frames, dtype=np.bool_))
        else:
            self.counted.append(clip.counted > 0)
        self.labels.append({field: getattr(clip, field) for field in LABELS})

    def finish(self) -> Padded:
        """All that was added, and nothing can be added any more."""
        return Padded(
            keypoints=self.keypoints.finish(),
            targets=self.targets.finish(),
            factors=self.factors.finish(),
            lengths=np.array(self.lengths, dtype=np.int64),
            counted=np.concatenate(self.counted),
            labels=tuple(self.labels),
            skeleton=self.skeleton,
            root=self.root,
        )

    def _write(
        self,
        clip: Clip,
        part: slice,
        seen: Array,
        truth: Array,
        scale: Array,
    ) -> None:
        """Write some frames of a clip, whose frames are the first rows."""
        _screen(clip, part, self.kept, out=seen[part])
        if clip.camera_pose is not None:
            _relative(clip.camera_pose[part], self.kept, self.root, out=truth[part])
        # of width 0 where targets stay in metres
        if scale.size:
            scale[part, 0] = image_space.factors(clip, part)
            truth[part] /= scale[part]


def _screen(clip: Clip, part: slice, kept: list[int] | slice, *, out: Array) -> None:
    """Write screen keypoints of some frames into (frames, joints * channels).

    Confidence is written too where there is a third channel.
    """
    keypoints = clip.keypoints[part][:, kept]
    view = out.reshape(*keypoints.shape[:2], -1)
    view[..., :2] = to_screen(
        keypoints,
        width=clip.camera.width,
        height=clip.camera.height,
    )
    # with two channels the left side is empty, and takes nothing
    view[..., 2:] = clip.confidence[part][:, kept, None]


def _relative(pose: Array, kept: list[int] | slice, root: int, *, out: Array) -> None:
    """Write camera-frame poses (frames, all joints, 3) mm as metres from the root.

    `out` is (frames, joints * 3), and `root` one of the kept joints.
    """
    pose = pose[:, kept]
    view = out.reshape(pose.shape)
    # straight into the rows: no array in between
    np.subtract(pose, pose[:, root : root + 1], out=view)
    view /= METRE


def _fill(rows: Array, before: int, length: int, *, how: Pad) -> None:
    """Fill what lies around the `length` rows of a clip, which start at `before`."""
    for beyond in (np.arange(-before, 0), np.arange(length, len(rows) - before)):
        rows[before + beyond] = rows[before + _inside(beyond, length, how=how)]


def _inside(frames: Index, length: int, *, how: Pad) -> Index:
    """The frames of a clip that stand for frame numbers beyond it.

    Reflection repeats neither end, and turns as often as it must.
    """
    # one frame has nothing to reflect, and its period would be 0
    if how == "edge" or length == 1:
        return np.clip(frames, 0, length - 1)
    period = 2 * (length - 1)
    # there and back: whichever way round is shorter is inside the clip
    return np.minimum(frames % period, -frames % period)

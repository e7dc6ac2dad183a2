"""Windows cut from raw clips: what a model is to see, and what it is to find.

A clip's first window begins at its first frame, the next a stride later, and the last is moved
back to end with the clip; a frame that two windows predict is the earlier one's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.evaluation.oracle import crops
from bench.evaluation.oracle.sight import Sight

Array = NDArray[np.floating]
Float = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Strip:
    """Frames of a clip, beyond which a window sees padding. `counted` may be scored."""

    clip: Clip
    begin: int
    length: int

    @property
    def counted(self) -> list[bool]:
        """Which of the frames may be scored."""
        marks = self.clip.counted
        if marks is None:
            return [True] * self.length
        return [bool(mark > 0) for mark in marks[self.begin : self.begin + self.length]]


def strips(
    clips: Iterable[Clip],
    *,
    whole: Sequence[str] = (),
    longest: int | None = None,
    shortest: int = 1,
) -> list[Strip]:
    """Clips in pieces of `longest` frames and a rest, without those below `shortest`.

    In none of the frames the truth lacks a joint that is named `whole`.
    """
    found = []
    for clip in clips:
        for begin, end in _runs(clip, whole):
            while end - begin >= shortest:
                length = min(longest or clip.frames, end - begin)
                found.append(Strip(clip, begin, length))
                begin += length
    return found


def _runs(clip: Clip, joints: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where frames in a row begin, and end, in whose truth the joints are all there."""
    lacks = [False] * clip.frames
    pose = clip.camera_pose
    if pose is not None:
        places = [clip.skeleton.joints.index(joint) for joint in joints]
        lacks = np.any(np.isnan(pose[:, places]), axis=(1, 2)).tolist()
    begin = 0
    for frame, lacking in enumerate([*lacks, True]):
        if lacking:
            # of two that lack one in a row there is nothing between
            if frame > begin:
                yield begin, frame
            begin = frame + 1


@dataclass(frozen=True, eq=False)
class Cut:
    """All windows of some strips, numbered through."""

    strips: Sequence[Strip]
    sight: Sight
    stride: int

    def __len__(self) -> int:
        return self._until[-1]

    @cached_property
    def _until(self) -> list[int]:
        """How many windows there are up to the end of each strip."""
        counts = [len(self.starts(strip)) for strip in self.strips]
        return np.cumsum(counts).tolist()

    def starts(self, strip: Strip) -> Sequence[int]:
        """The first predicted frame of each window of a strip."""
        last = strip.length - self.sight.outputs
        if last <= 0:
            return (0,)
        regular = range(0, last + 1, self.stride)
        # with a stride that leaves gaps the end is one of them
        if self.stride > self.sight.outputs or regular[-1] == last:
            return regular
        return (*regular, last)

    def place(self, number: int) -> tuple[int, int]:
        """Which strip a window is of, and the first frame that it predicts."""
        strip = bisect_right(self._until, number)
        before = self._until[strip - 1] if strip else 0
        return strip, self.starts(self.strips[strip])[number - before]

    def numbers(self, strip: int) -> range:
        """The numbers of a strip's windows."""
        return range(self._until[strip - 1] if strip else 0, self._until[strip])

    def covering(self, strip: int, frame: int) -> list[tuple[int, int]]:
        """The windows that predict a frame: number and place in the window, earliest first."""
        starts = self.starts(self.strips[strip])
        first = bisect_right(starts, frame - self.sight.outputs)
        last = bisect_right(starts, frame)
        before = self.numbers(strip)[0]
        return [(before + place, frame - starts[place]) for place in range(first, last)]

    def scored(self, strip: int, *, every: int = 1) -> list[int]:
        """The frames of a strip that are predicted and count."""
        piece = self.strips[strip]
        gaps = self.stride > self.sight.outputs
        predicted = set[int]()
        for start in self.starts(piece) if gaps else ():
            predicted.update(range(start, start + self.sight.outputs))
        return [
            frame
            for frame, counts in enumerate(piece.counted)
            if counts and frame % every == 0 and (not gaps or frame in predicted)
        ]


def inside(frame: int, length: int, pad: str) -> int:
    """The frame that stands for one beyond the ends."""
    if pad == "edge" or length == 1:
        return min(max(frame, 0), length - 1)
    # there and back, as often as it takes; neither end is seen twice in a row
    while not 0 <= frame < length:
        frame = -frame if frame < 0 else 2 * (length - 1) - frame
    return frame


def keypoints(
    strip: Strip, start: int, sight: Sight, kind: type[np.floating] = np.float64
) -> Array:
    """(T, J, C) on the screen, where x runs from -1 to 1 and y keeps its scale."""
    clip = strip.clip
    width, height = kind(clip.camera.width), kind(clip.camera.height)
    joints = _places(clip, sight)
    window = np.empty((sight.frames, len(joints), sight.channels), kind)
    for row in range(sight.frames):
        frame = inside(start - sight.before + row, strip.length, sight.pad)
        x, y = clip.keypoints[strip.begin + frame][joints].astype(kind).T
        window[row, :, 0] = 2 * x / width - 1
        window[row, :, 1] = (2 * y - height) / width
        if sight.channels == 3:
            window[row, :, 2] = clip.confidence[strip.begin + frame][joints]
    return window


def truth(strip: Strip, frames: Iterable[int], sight: Sight) -> Float:
    """(n, J, 3) millimetres from the root, in the camera's frame."""
    pose = strip.clip.camera_pose
    assert pose is not None  # a split without poses is refused when it is read
    joints = _places(strip.clip, sight)
    root = strip.clip.skeleton.joints.index(sight.root)
    # a window longer than its clip is padded as its keypoints are
    near = [strip.begin + inside(frame, strip.length, sight.pad) for frame in frames]
    whole = pose[near].astype(np.float64).reshape(-1, *pose.shape[1:])
    return whole[:, joints] - whole[:, root : root + 1]


def shown(
    strip: Strip, start: int, sight: Sight, kind: type[np.floating] = np.float64
) -> Array:
    """(T, J, C), what the model reads of a window: keypoints, or poses in its own unit.

    Of images (3, height, width).
    """
    if sight.reads == "keypoints":
        return keypoints(strip, start, sight, kind)
    if sight.reads == "images":
        return crops.shown(strip.clip, strip.begin + start, sight, kind)
    first = start - sight.before
    return poses(strip, range(first, first + sight.frames), sight).astype(kind)


def due(strip: Strip, start: int, sight: Sight) -> Array:
    """(K, J, C), what the model is to make of a window, in its own unit."""
    frames = range(start, start + sight.outputs)
    if sight.makes == "poses":
        return poses(strip, frames, sight)
    seen = keypoints(strip, start, sight)[..., :2]
    return seen[sight.before : sight.before + sight.outputs]


def poses(strip: Strip, frames: Sequence[int], sight: Sight) -> Float:
    """(n, J, 3) from the root, in the model's unit."""
    if sight.reads == "images":
        near = [strip.begin + frame for frame in frames]
        return crops.poses(strip.clip, near, sight)
    return truth(strip, frames, sight) / (1000 * millimetres(strip, frames, sight))


def lengths(strip: Strip, frames: Sequence[int], made: Array, sight: Sight) -> Float:
    """Poses (n, J, 3) in the model's unit, in mm from the root."""
    if sight.reads == "images":
        near = [strip.begin + frame for frame in frames]
        return crops.millimetres(strip.clip, near, made, sight)
    return made.astype(np.float64) * (1000 * millimetres(strip, frames, sight))


def there(came: Array, due: Array) -> tuple[Array, Array]:
    """Both with zeros where both are NaN: what is missing here and there is no difference."""
    both = np.isnan(came) & np.isnan(due)
    return np.where(both, 0, came), np.where(both, 0, due)


def millimetres(strip: Strip, frames: Sequence[int], sight: Sight) -> Float:
    """(n, 1, 1): what one of a thousand of the model's unit is in mm, frame by frame.

    1 for metres. For pixels, 1 / (f / Z + 1 / 2000), with f the focal length in pixels and Z
    the depth in mm of the joint that has no parent.
    """
    clip = strip.clip
    if not sight.pixels or clip.camera_pose is None:
        return np.ones((len(frames), 1, 1))
    root = clip.skeleton.parents.index(-1)
    found = []
    for frame in frames:
        near = strip.begin + inside(frame, strip.length, sight.pad)
        depth = float(clip.camera_pose[near, root, 2])
        found.append(1 / (clip.camera.focal[0] / depth + 1 / 2000))
    return np.array(found).reshape(-1, 1, 1)


def seen_mirrored(windows: Array, sight: Sight) -> Array:
    """What a model reads, as a mirror shows it."""
    return windows[..., ::-1] if sight.reads == "images" else mirrored(windows, sight)


def mirrored(windows: Array, sight: Sight) -> Array:
    """Keypoints or poses (..., J, C) as a mirror shows them."""
    turned = windows.copy()
    turned[..., 0] = -turned[..., 0]
    swapped = turned.copy()
    for left, right in sight.pairs:
        swapped[..., left, :] = turned[..., right, :]
        swapped[..., right, :] = turned[..., left, :]
    return swapped


def named(strip: Strip, frame: int) -> str:
    """A frame in words, for a message."""
    clip = strip.clip
    return f"{clip.name}, {clip.camera_name}, frame {strip.begin + frame}"


def spread(count: int, most: int) -> Iterator[int]:
    """At most so many of `count` numbers, from the first to the last, evenly apart."""
    kept = min(count, most)
    for place in range(kept):
        yield place * (count - 1) // max(1, kept - 1)


def _places(clip: Clip, sight: Sight) -> list[int]:
    return [clip.skeleton.joints.index(joint) for joint in sight.joints]

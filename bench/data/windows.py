"""Clips cut into windows: `frames` of keypoints in, the middle `outputs` of them as poses out, a batch by one indexing.

All clips lie end to end in one float32 array of keypoints (edge-padded, screen-normalised) and one of targets (root-relative
camera frame, metres). A window is a row of a strided view over them, so a batch is one gather and costs about a memory copy.

Axes: B windows, T frames, K outputs, J joints, C channels (x, y and, where asked for, confidence), M scored frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data import skeletons
from bench.data.cameras import to_screen
from bench.data.clip import Clip
from bench.data.skeletons import Skeleton
from models.errors import BadInput

Array = NDArray[np.float32]
Index = NDArray[np.int64]


class Batch(NamedTuple):
    """keypoints (B, T, J, C), target (B, K, J, 3) metres, and which windows they are (B,)."""

    keypoints: Array
    target: Array
    indices: Index


class Windows:
    """The windows of some clips.

    frames:   T, the length of the input.
    outputs:  K, how many of its middle frames are predicted: "centre" is 1, "all" is T, a number is anything between.
    stride:   frames from one window to the next; K if not given, so that each frame is predicted once. A last window is shifted
              back to cover the end of a clip; frames it repeats are dropped by `places`. With a stride above K only the
              frames at the stride are predicted.
    every:    only frames whose number in the clip is a multiple of it are scored (a protocol's `test_stride`).
    skeleton: the joints to keep, by name; the clips' own if not given. root: the joint targets are relative to.
    channels: 2, or 3 with the detector's confidence.

    Raises BadInput for no clips, clips of different skeletons, or numbers that do not fit together; UnknownName for a joint.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        *,
        frames: int,
        outputs: int | Literal["centre", "all"] = "centre",
        stride: int | None = None,
        every: int = 1,
        skeleton: Skeleton | str | None = None,
        root: str = "Hip",
        channels: int = 2,
    ) -> None:
        count = {"centre": 1, "all": frames}.get(outputs, 0) if isinstance(outputs, str) else outputs
        hop = count if stride is None else stride
        _check(clips, frames=frames, outputs=count, stride=hop, every=every, channels=channels)
        chosen = skeletons.load(skeleton) if isinstance(skeleton, str) else skeleton
        self.clips = tuple(clips)
        self.frames, self.outputs, self.channels = frames, count, channels
        self.skeleton = chosen or clips[0].skeleton
        self.root = self.skeleton.index(root)
        self._lengths = np.array([clip.frames for clip in clips], dtype=np.int64)
        self._table(hop, every)
        self._fill()

    def __len__(self) -> int:
        return len(self._first)

    @property
    def scored(self) -> int:
        """M, the number of frames that `places` hands out."""
        return len(self._scored)

    @property
    def nbytes(self) -> int:
        """Size of the stored keypoints and targets."""
        return self._keypoints.nbytes + self._targets.nbytes

    def batch(self, indices: Sequence[int] | Index, *, flip: NDArray[np.bool_] | None = None) -> tuple[Array, Array]:
        """Fresh contiguous float32 arrays (B, T, J, C) and (B, K, J, 3) of the windows asked for; those marked in `flip` (B,) are mirrored.

        Raises BadInput for an index outside the windows.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise BadInput(f"windows: index {chosen.min()} to {chosen.max()} asked for; there are {len(self)}")
        joints = len(self.skeleton.joints)
        keypoints = _gather(self._keypoints, self._input[chosen], self.frames).reshape(-1, self.frames, joints, self.channels)
        target = _gather(self._targets, self._target[chosen], self.outputs).reshape(-1, self.outputs, joints, 3)
        if flip is not None and flip.any():
            keypoints[flip] = mirror(keypoints[flip], self.skeleton)
            target[flip] = mirror(target[flip], self.skeleton)
        return keypoints, target

    def epoch(
        self,
        batch: int,
        *,
        shuffle: bool,
        seed: int = 0,
        epoch: int = 0,
        start: int = 0,
        flip: bool = False,
        drop_last: bool = False,
    ) -> Iterator[Batch]:
        """All windows once, in batches, from the `start`-th batch on; with `flip`, each window is mirrored with probability a half.

        Order and flips depend on (seed, epoch, place) only, so a run resumed at a place sees what it would have seen.
        """
        order = np.random.default_rng([seed, epoch]).permutation(len(self)) if shuffle else np.arange(len(self))
        end = len(self) - len(self) % batch if drop_last else len(self)
        for place in range(start, -(-end // batch)):
            indices = order[place * batch : (place + 1) * batch]
            chosen = np.random.default_rng([seed, epoch, place]).random(len(indices)) < 0.5 if flip else None
            yield Batch(*self.batch(indices, flip=chosen), indices)

    def places(self, indices: Sequence[int] | Index) -> Index:
        """Where each predicted frame (B, K) goes among the M scored frames, -1 for one to drop: a repeat, padding, or not scored.

        Over all windows each scored frame comes exactly once: `keep = places >= 0; store[places[keep]] = prediction[keep]`.
        """
        chosen = np.asarray(indices, dtype=np.int64)[:, None]
        output = np.arange(self.outputs)
        inside = (output >= self._begin[chosen]) & (output < self._end[chosen])
        frame = np.where(inside, self._first[chosen] + output, 0)
        return np.where(inside, self._place[frame], -1)

    def truth(self) -> Array:
        """The targets of the scored frames (M, J, 3), metres."""
        rows = self._targets[self._target_row[self._scored]]
        return rows.reshape(-1, len(self.skeleton.joints), 3)

    def single(self) -> Array:
        """The keypoints of the scored frames alone (M, J, C)."""
        rows = self._keypoints[self._input_row[self._scored]]
        return rows.reshape(-1, len(self.skeleton.joints), self.channels)

    def clip_numbers(self) -> Index:
        """Which clip each scored frame (M,) belongs to; within a clip, frames are in order."""
        return self._clip[self._scored]

    def labels(self, field: Literal["action", "subject", "style", "name", "camera_name"]) -> NDArray[np.str_]:
        """A label of each scored frame (M,)."""
        return np.array([getattr(clip, field) for clip in self.clips])[self.clip_numbers()]

    def _table(self, stride: int, every: int) -> None:
        """Where each window starts, which of its outputs are new, and which frames are scored."""
        lengths, outputs, context = self._lengths, self.outputs, self.frames - self.outputs
        stored = np.maximum(lengths, outputs)  # a clip shorter than the output is padded at its end
        inputs, targets, frames = (_starts(size) for size in (stored + context, stored, lengths))
        cuts = [_cut(length, outputs, stride) for length in lengths.tolist()]
        clip = np.repeat(np.arange(len(cuts)), [len(cut) for cut, _ in cuts])
        offset, begin = (np.concatenate([cut[part] for cut in cuts]) for part in (0, 1))
        self._input, self._target, self._first = inputs[clip] + offset, targets[clip] + offset, frames[clip] + offset
        self._begin, self._end = begin, np.minimum(outputs, lengths[clip] - offset)
        self._clip = np.repeat(np.arange(len(lengths)), lengths)
        within = np.arange(lengths.sum()) - frames[self._clip]
        self._input_row, self._target_row = inputs[self._clip] + context // 2 + within, targets[self._clip] + within
        self._layout = inputs, targets, stored
        self._score(covered=within % every == 0)

    def _score(self, covered: NDArray[np.bool_]) -> None:
        """Number the frames that are both wanted and predicted by some window."""
        change = np.zeros(len(covered) + 1, dtype=np.int64)
        np.add.at(change, self._first + self._begin, 1)
        np.add.at(change, self._first + self._end, -1)
        covered &= change.cumsum()[:-1] > 0
        self._scored = np.flatnonzero(covered)
        self._place = np.where(covered, covered.cumsum() - 1, -1)

    def _fill(self) -> None:
        """Write every clip, padded with its first and last frame, into the two arrays."""
        inputs, targets, stored = self._layout
        context, joints = self.frames - self.outputs, len(self.skeleton.joints)
        rows = int(stored.sum())
        self._keypoints = np.empty((rows + context * len(self.clips), joints * self.channels), dtype=np.float32)
        self._targets = np.empty((rows, joints * 3), dtype=np.float32)
        kept = list(self.clips[0].skeleton.indices(self.skeleton.joints))
        for clip, start, target, size in zip(self.clips, inputs, targets, stored, strict=True):
            flat = _inputs(clip, kept, self.channels)
            _padded(self._keypoints[start : start + size + context], flat, context // 2)
            pose = clip.camera_pose[:, kept]
            relative = ((pose - pose[:, self.root : self.root + 1]) / 1000).astype(np.float32)
            _padded(self._targets[target : target + size], relative.reshape(clip.frames, -1), 0)


def mirror(values: Array, skeleton: Skeleton) -> Array:
    """Poses or screen keypoints (..., J, C) as a mirror shows them: x negated, left and right swapped. Twice is the identity."""
    flipped = values[..., list(skeleton.mirror), :]
    flipped[..., 0] *= -1
    return flipped


def _check(clips: Sequence[Clip], *, frames: int, outputs: int, stride: int, every: int, channels: int) -> None:
    if not clips:
        raise BadInput("windows: no clips; give at least one")
    other = next((clip for clip in clips if clip.skeleton != clips[0].skeleton), None)
    if other:
        raise BadInput(f"clip {other.name} has skeleton {other.skeleton.name}, others {clips[0].skeleton.name}; convert them to one")
    if not 1 <= outputs <= frames:
        raise BadInput(f"windows: outputs {outputs} with {frames} frames; 'centre', 'all' or a number from 1 to the frames was due")
    if stride < 1 or every < 1:
        raise BadInput(f"windows: stride {stride}, every {every}; both must be 1 or more")
    if channels not in (2, 3):
        raise BadInput(f"windows: channels {channels}; 2 (x, y) or 3 (x, y, confidence) was due")


def _starts(sizes: Index) -> Index:
    return np.cumsum(sizes) - sizes


def _cut(length: int, outputs: int, stride: int) -> tuple[Index, Index]:
    """Offsets of a clip's windows, and for each the first output that no earlier window has given."""
    last = max(length - outputs, 0)
    offsets = np.arange(0, last + 1, stride)
    if stride <= outputs and offsets[-1] < last:
        offsets = np.append(offsets, last)
    begin = np.maximum(0, outputs - np.diff(offsets, prepend=-outputs))
    return offsets, begin


def _inputs(clip: Clip, joints: list[int], channels: int) -> Array:
    """A clip's screen keypoints and, as third channel, confidence: (frames, joints * channels) float32."""
    screen = to_screen(clip.keypoints[:, joints], width=clip.camera.width, height=clip.camera.height)
    parts = [screen, clip.confidence[:, joints, None]][: channels - 1]
    return np.concatenate(parts, axis=-1).astype(np.float32).reshape(clip.frames, -1)


def _padded(out: Array, rows: Array, before: int) -> None:
    """Write rows into `out` from `before` on and repeat the first and last one around them."""
    end = before + len(rows)
    out[:before], out[before:end], out[end:] = rows[0], rows, rows[-1]


def _gather(rows: Array, starts: Index, count: int) -> Array:
    """(B, count * width): from each start, `count` consecutive rows."""
    if count == 1:
        return rows.take(starts, axis=0)
    width = rows.shape[1]
    shape, strides = (len(rows) - count + 1, count * width), rows.strides
    view = np.lib.stride_tricks.as_strided(rows, shape, strides, writeable=False)
    return view[starts]

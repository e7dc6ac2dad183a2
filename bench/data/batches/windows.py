"""Clips cut into windows: `frames` of keypoints in, the middle `outputs` of them as poses
out, a batch by one indexing.

All clips lie end to end in one array of keypoints (screen-normalised) and one of targets
(root-relative camera frame, metres or, for models that predict in image space, thousands of
pixels), see `padded.py`. A window is one item of a strided view over them, so a batch is
one gather and costs about a memory copy.

Axes: B windows, T frames, K outputs, J joints, C channels (x, y and, where asked for,
confidence), M scored frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.batches.padded import Index, Pad, lay_out
from bench.data.batches.prefetch import ahead
from bench.data.batches.rows import Array
from bench.data.clip import Clip
from bench.data.geometry import skeletons
from bench.data.geometry.skeletons import Skeleton
from models.errors import BadInput


class Batch(NamedTuple):
    """keypoints (B, T, J, C), target (B, K, J, 3) metres or thousands of pixels, and which
    windows they are (B,).

    Without poses J of the target is 0.
    """

    keypoints: Array
    target: Array
    indices: Index


class Windows:
    """The windows of some clips, which may come from an iterator and are not kept.

    frames:   T, the length of the input. outputs:  K, how many of its middle frames are
    predicted: "centre" is 1, "all" is T, a number is anything between. stride:   frames
    from one window to the next; K if not given, so that each frame is predicted once. A
    last window is shifted
              back to cover the end of a clip; frames it repeats are dropped by `places`. With a stride above K only the
              frames at the stride are predicted.
    every:    only frames whose number in the clip is a multiple of it are scored (a
    protocol's `test_stride`), and of those only
              the ones that their clip counts.
    pad:      what a window sees beyond the ends of its clip: the first or last frame
    ("edge"), or the clip mirrored there ("reflect"). skeleton: the joints to keep, by name;
    the clips' own if not given. root: the joint targets are relative to. channels: 2, or 3
    with the detector's confidence. pixels:   targets are in thousands of pixels of the
    scaled image space (`image_space.py`) and not in metres; `metres` undoes it.

    Clips that all lack poses (`camera_pose` is None) make windows for inference, with
    targets of no joints.

    Raises BadInput for no clips, clips of different skeletons, clips with and without poses
    together, numbers that do not fit together, or pixels of a clip that has no poses or
    whose root is behind the camera; UnknownName for a joint.
    """

    def __init__(
        self,
        clips: Iterable[Clip],
        *,
        frames: int,
        outputs: int | Literal["centre", "all"] = "centre",
        stride: int | None = None,
        every: int = 1,
        pad: Pad = "edge",
        skeleton: Skeleton | str | None = None,
        root: str = "Hip",
        channels: int = 2,
        pixels: bool = False,
    ) -> None:
        count = (
            {"centre": 1, "all": frames}.get(outputs, 0)
            if isinstance(outputs, str)
            else outputs
        )
        hop = count if stride is None else stride
        _check(
            frames=frames,
            outputs=count,
            stride=hop,
            every=every,
            channels=channels,
            pad=pad,
        )
        chosen = skeletons.load(skeleton) if isinstance(skeleton, str) else skeleton
        layout = lay_out(
            clips,
            outputs=count,
            context=frames - count,
            pad=pad,
            skeleton=chosen,
            root=root,
            channels=channels,
            pixels=pixels,
        )
        self.frames, self.outputs, self.channels = frames, count, channels
        self.skeleton, self.root = layout.skeleton, layout.root
        self._keypoints, self._targets, self._labels = (
            layout.keypoints,
            layout.targets,
            layout.labels,
        )
        self._factors = layout.factors if pixels else None
        self._table(layout.lengths, layout.counted, hop, every)

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

    def batch(
        self, indices: Sequence[int] | Index, *, flip: NDArray[np.bool_] | None = None
    ) -> tuple[Array, Array]:
        """Fresh contiguous float32 arrays (B, T, J, C) and (B, K, J, 3) of the windows
        asked for; those marked in `flip` (B,) are mirrored.

        Raises BadInput for an index outside the windows.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise BadInput(
                f"windows: index {chosen.min()} to {chosen.max()} asked for; there are"
                f" {len(self)}"
            )
        first, clip = self._first[chosen].astype(np.int64), self._owner[chosen]
        keypoints = _gather(self._keypoints, first + self._before_input[clip], self.frames)
        target = _gather(self._targets, first + self._before_target[clip], self.outputs)
        keypoints = keypoints.reshape(
            len(chosen), self.frames, len(self.skeleton.joints), self.channels
        )
        target = target.reshape(len(chosen), self.outputs, self._targets.shape[1] // 3, 3)
        if flip is not None and flip.any():
            keypoints[flip] = mirror(keypoints[flip], self.skeleton)
            target[flip] = (
                mirror(target[flip], self.skeleton) if target.size else target[flip]
            )
        return keypoints, target

    def epoch(
        self,
        batch: int,
        *,
        shuffle: bool,
        seed: int = 0,
        epoch: int = 0,
        start: int = 0,
        count: int | None = None,
        flip: bool = False,
        workers: int = 0,
    ) -> Iterator[Batch]:
        """All windows once, in batches, from the `start`-th batch on; with `flip`, each
        window is mirrored with probability a half.

        With `count`, so many windows, fewer than all or, the order begun again, more: with
        `shuffle` and a stride of 1, windows at random places. `workers` threads gather
        batches ahead of the reader. Order and flips depend on (seed, epoch, place) only, so
        a run resumed at a place, or with another number of workers, sees what it would have
        seen.
        """
        order = (
            np.random.default_rng([seed, epoch]).permutation(len(self))
            if shuffle
            else np.arange(len(self))
        )
        order = order if count is None else np.resize(order, count)

        def gather(place: int) -> Batch:
            indices = order[place * batch : (place + 1) * batch]
            chosen = (
                np.random.default_rng([seed, epoch, place]).random(len(indices)) < 0.5
                if flip
                else None
            )
            return Batch(*self.batch(indices, flip=chosen), indices)

        yield from ahead(gather, range(start, -(-len(order) // batch)), workers=workers)

    def places(self, indices: Sequence[int] | Index, *, repeats: bool = False) -> Index:
        """Where each predicted frame (B, K) goes among the M scored frames, -1 for one to
        drop: a repeat, padding, or not scored.

        Over all windows each scored frame comes exactly once: `keep = places >= 0;
        store[places[keep]] = prediction[keep]`. With `repeats` a frame has a place in every
        window that predicts it: `bench.data.batches.overlap` averages them.
        """
        chosen = np.asarray(indices, dtype=np.int64)[:, None]
        output = np.arange(self.outputs)
        inside = (output < self._end[chosen]) & (repeats | (output >= self._begin[chosen]))
        frame = np.where(inside, self._first[chosen] + output, 0)
        return np.where(inside, self._place[frame], -1).astype(np.int64)

    def truth(self) -> Array:
        """The targets of the scored frames (M, J, 3), metres or thousands of pixels."""
        rows = self._targets[self._target_rows()]
        return rows.reshape(self.scored, self._targets.shape[1] // 3, 3)

    def factors(self, indices: Sequence[int] | Index | None = None) -> Array | None:
        """Millimetres per pixel of the scored frames (M,), or of those that windows predict
        (B, K); None where targets are metres.
        """
        if self._factors is None:
            return None
        if indices is None:
            return self._factors[self._target_rows(), 0]
        first = self._first[indices] + self._before_target[self._owner[indices]]
        return self._factors[first[:, None] + np.arange(self.outputs), 0]

    def metres(self, poses: Array, indices: Sequence[int] | Index | None = None) -> Array:
        """Poses in the unit of the targets, those of `truth` (M, J, 3) or of windows as
        `batch` gives them (B, K, J, 3), in metres.
        """
        factors = self.factors(indices)
        return poses if factors is None else poses * factors[..., None, None]

    def single(self) -> Array:
        """The keypoints of the scored frames alone (M, J, C)."""
        middle = self._before_input[self.clip_numbers()] + (self.frames - self.outputs) // 2
        rows = self._keypoints[self._scored + middle]
        return rows.reshape(self.scored, len(self.skeleton.joints), self.channels)

    def clip_numbers(self) -> Index:
        """Which clip each scored frame (M,) belongs to; within a clip, frames are in order."""
        return self._clip[self._scored].astype(np.int64)

    def labels(
        self, field: Literal["action", "subject", "style", "name", "camera_name"]
    ) -> NDArray[np.str_]:
        """A label of each scored frame (M,)."""
        return np.array([labels[field] for labels in self._labels])[self.clip_numbers()]

    def _target_rows(self) -> Index:
        """Where the targets of the scored frames (M,) stand in the padded arrays."""
        return self._scored + self._before_target[self.clip_numbers()]

    def _table(
        self, lengths: Index, counted: NDArray[np.bool_], stride: int, every: int
    ) -> None:
        """Where each window starts, which of its outputs are new, and which frames are
        scored.

        Frames are numbered through all clips. `_first` is the frame of a window's first
        output and `_owner` its clip; adding the clip's `_before_input` or `_before_target`
        gives its first row in the padded arrays.
        """
        # a clip shorter than the output is padded at its end
        stored = np.maximum(lengths, self.outputs)
        inputs, targets, frames = (
            _starts(size) for size in (stored + self.frames - self.outputs, stored, lengths)
        )
        cuts = [_cut(length, self.outputs, stride) for length in lengths.tolist()]
        # half the memory wherever it suffices
        kind: type[np.signedinteger[Any]] = np.int32 if lengths.sum() < 2**31 else np.int64
        self._owner = np.repeat(
            np.arange(len(cuts), dtype=np.int32), [len(cut) for cut, _ in cuts]
        )
        self._first = np.concatenate(
            [start + offset for start, (offset, _) in zip(frames, cuts, strict=True)]
        ).astype(kind)
        self._begin = np.concatenate([begin for _, begin in cuts]).astype(np.int32)
        self._end = np.minimum(
            self.outputs, (frames + lengths)[self._owner] - self._first
        ).astype(np.int32)
        self._clip = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        self._before_input, self._before_target = inputs - frames, targets - frames
        numbered = [np.arange(length) % every == 0 for length in lengths.tolist()]
        self._score(counted & np.concatenate(numbered), kind)

    def _score(self, covered: NDArray[np.bool_], kind: type[np.signedinteger[Any]]) -> None:
        """Number the frames that are both wanted and predicted by some window."""
        first, last = (
            np.bincount(self._first + side, minlength=len(covered) + 1)
            for side in (self._begin, self._end)
        )
        covered &= np.cumsum(first - last)[:-1] > 0
        self._scored = np.flatnonzero(covered).astype(kind)
        self._place = np.where(covered, covered.cumsum() - 1, -1).astype(kind)


def mirror(values: Array, skeleton: Skeleton) -> Array:
    """Poses or screen keypoints (..., J, C) as a mirror shows them: x negated, left and
    right swapped. Twice is the identity.
    """
    flipped = values[..., list(skeleton.mirror), :]
    flipped[..., 0] *= -1
    return flipped


def _check(
    *, frames: int, outputs: int, stride: int, every: int, channels: int, pad: str
) -> None:
    if not 1 <= outputs <= frames:
        raise BadInput(
            f"windows: outputs {outputs} with {frames} frames; 'centre', 'all' or a number"
            " from 1 to the frames was due"
        )
    if stride < 1 or every < 1:
        raise BadInput(f"windows: stride {stride}, every {every}; both must be 1 or more")
    if channels not in (2, 3):
        raise BadInput(
            f"windows: channels {channels}; 2 (x, y) or 3 (x, y, confidence) was due"
        )
    if pad not in ("edge", "reflect"):
        raise BadInput(f"windows: pad {pad!r}; 'edge' or 'reflect' was due")


def _starts(sizes: Index) -> Index:
    return np.cumsum(sizes) - sizes


def _cut(length: int, outputs: int, stride: int) -> tuple[Index, Index]:
    """Offsets of a clip's windows, and for each the first output that no earlier window has
    given.
    """
    last = max(length - outputs, 0)
    offsets = np.arange(0, last + 1, stride)
    if stride <= outputs and offsets[-1] < last:
        offsets = np.append(offsets, last)
    begin = np.maximum(0, outputs - np.diff(offsets, prepend=-outputs))
    return offsets, begin


def _gather(rows: Array, starts: Index, count: int) -> Array:
    """(B, count * width): from each start, `count` consecutive rows."""
    width = count * rows.shape[1]
    if count == 1 or not width:
        return rows.take(starts, axis=0)
    # a window is one item of `width` floats, so that each is one straight copy
    view = np.ndarray(
        len(rows) - count + 1, dtype=f"V{width * 4}", buffer=rows, strides=rows.strides[:1]
    )
    return view[starts].view(np.float32)

"""Clips cut into windows: `frames` of keypoints in, the middle `outputs` of them as poses out.

A causal model's one pose is the last frame's.

All clips lie end to end in one array of keypoints (screen-normalised) and one of targets
(root-relative camera frame, metres or, for models that predict in image space, thousands of
pixels), see `padded.py`. A window is one item of a strided view over them, so a batch is one gather
and costs about a memory copy.

Axes: B windows, T frames, K outputs, J joints, C channels (x, y and, where asked for, confidence),
M scored frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.batches.padded import Index, Layout, Pad, lay_out
from bench.data.batches.places import cut, gather, starts
from bench.data.batches.prefetch import ahead
from bench.data.batches.rows import Array
from bench.data.clip import Clip
from bench.data.geometry import skeletons
from bench.data.geometry.skeletons import Skeleton
from bench.data.pictures.crops import Crops
from models.errors import BadInput

Outputs = Literal["centre", "last", "all"]


class Batch(NamedTuple):
    """What one step of training or testing is given."""

    keypoints: Array  # (B, T, J, C), or pictures (B, 3, height, width)
    # (B, K, J, 3) metres, thousands of pixels or crop units; J is 0 without poses
    target: Array
    indices: Index  # (B,), which windows they are
    metres: Array | None = None  # the targets, where they are in crop units


class Windows:
    """The windows of some clips, which may come from an iterator and are not kept.

    frames:   T, the length of the input.
    outputs:  K, how many of its middle frames are predicted: "centre" is 1, "all" is T, a number is
              anything between; "last" is 1 that is not the middle one.
    stride:   frames from one window to the next; K if not given, so that each frame is predicted
              once. A last window is shifted back to cover the end of a clip; frames it repeats are
              dropped by `places`. With a stride above K only frames at the stride are predicted.
    every:    only frames whose number in the clip is a multiple of it are scored (a protocol's
              `test_stride`), and of those only the ones that their clip counts.
    pad:      what a window sees beyond the ends of its clip: the first or last frame ("edge"), or
              the clip mirrored there ("reflect").
    skeleton: the joints to keep, by name; the clips' own if not given.
    root:     the joint that targets are relative to.
    channels: 2, or 3 with the detector's confidence.
    pixels:   targets are in thousands of pixels of the scaled image space (`image_space.py`) and
              not in metres; `metres` undoes it.
    crops:    of the same clips: a batch holds pictures in place of keypoints, and targets in crop
              units (`pictures/box.py`), which `metres` undoes; for windows of one frame.

    Clips that all lack poses (`camera_pose` is None) make windows for inference, with targets of no
    joints. Raises BadInput for no clips, clips of different skeletons, clips with and without poses
    together, numbers that do not fit together, or pixels of a clip that has no poses or whose root
    is behind the camera; UnknownName for a joint.
    """

    def __init__(
        self,
        clips: Iterable[Clip],
        *,
        frames: int,
        outputs: int | Outputs = "centre",
        stride: int | None = None,
        every: int = 1,
        pad: Pad = "edge",
        skeleton: Skeleton | str | None = None,
        root: str = "Hip",
        channels: int = 2,
        pixels: bool = False,
        crops: Crops | None = None,
    ) -> None:
        count = _outputs(outputs, frames)
        hop = count if stride is None else stride
        context = frames - count
        layout = Layout(
            outputs=count,
            context=context,
            before=context if outputs == "last" else context // 2,
            pad=pad,
            skeleton=skeletons.load(skeleton)
            if isinstance(skeleton, str)
            else skeleton,
            root=root,
            channels=channels,
            pixels=pixels,
        )
        _check(layout, frames=frames, stride=hop, every=every)
        padded = lay_out(clips, layout)
        self.frames, self.outputs, self.channels = frames, count, channels
        self.skeleton, self.root = padded.skeleton, padded.root
        self._keypoints, self._targets = padded.keypoints, padded.targets
        self._labels = padded.labels
        self._factors = padded.factors if pixels else None
        self.crops = crops
        self._before = layout.before
        self._table(padded.lengths, padded.counted, hop, every)

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
        self,
        indices: Sequence[int] | Index,
        *,
        flip: NDArray[np.bool_] | None = None,
    ) -> tuple[Array, Array]:
        """Fresh contiguous float32 arrays (B, T, J, C) and (B, K, J, 3) of the windows asked for.

        The first are pictures (B, 3, height, width) of crops. Those marked in `flip` (B,) are
        mirrored. Raises BadInput for an index outside the windows.
        """
        chosen = np.asarray(indices, dtype=np.int64)
        # checked here: beyond the ends the strided view would read other windows, or nothing
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise BadInput(
                f"windows: index {chosen.min()} to {chosen.max()} asked for; there are"
                f" {len(self)}"
            )
        first = self._first[chosen].astype(np.int64)
        clip = self._owner[chosen]
        shown = self._shown(first, clip)
        target = self._poses(chosen)
        if self.crops:
            target = self.crops.views.units(target, first[:, None])
        if flip is not None and flip.any():
            shown[flip] = self.mirrored(shown[flip])
            if target.size:
                target[flip] = mirror(target[flip], self.skeleton)
        return shown, target

    def metric(self, chosen: Index, *, flip: NDArray[np.bool_] | None) -> Array | None:
        """Targets of windows in metres (B, K, J, 3), where `batch` has them in crop units."""
        if not self.crops:
            return None
        poses = self._poses(chosen)
        if flip is not None:
            poses[flip] = mirror(poses[flip], self.skeleton)
        return poses

    def _poses(self, chosen: Index) -> Array:
        """What is stored of the poses that windows predict (B, K, J, 3)."""
        start = self._first[chosen] + self._before_target[self._owner[chosen]]
        rows = gather(self._targets, start, self.outputs)
        # the width, not the skeleton: without poses it is 0
        return rows.reshape(len(chosen), self.outputs, self._targets.shape[1] // 3, 3)

    def _shown(self, first: Index, clip: NDArray[np.integer]) -> Array:
        """What windows show that begin at these frames, of these clips."""
        if self.crops:
            return self.crops.pictures(first)
        rows = gather(self._keypoints, first + self._before_input[clip], self.frames)
        joints = len(self.skeleton.joints)
        return rows.reshape(len(first), self.frames, joints, self.channels)

    def mirrored(self, shown: Array) -> Array:
        """What windows show, as a mirror shows it: keypoints or pictures."""
        return shown[..., ::-1] if self.crops else mirror(shown, self.skeleton)

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
        """All windows once, in batches, from the `start`-th batch on.

        With `flip`, each window is mirrored with probability a half. With `count`, so many windows,
        fewer than all or, the order begun again, more: with `shuffle` and a stride of 1, windows at
        random places. `workers` threads gather batches ahead of the reader. Order and flips depend
        on (seed, epoch, place) only, so a run resumed at a place, or with another number of
        workers, sees what it would have seen.
        """
        order = np.arange(len(self))
        if shuffle:
            order = np.random.default_rng([seed, epoch]).permutation(len(self))
        if count is not None:
            order = np.resize(order, count)

        def gather(place: int) -> Batch:
            indices = order[place * batch : (place + 1) * batch]
            chosen = None
            if flip:
                # a generator of the batch's own: what came before it does not matter
                draw = np.random.default_rng([seed, epoch, place])
                chosen = draw.random(len(indices)) < 0.5
            pair = self.batch(indices, flip=chosen)
            return Batch(*pair, indices, self.metric(indices, flip=chosen))

        batches = -(-len(order) // batch)  # rounded up: the last may be smaller
        yield from ahead(gather, range(start, batches), workers=workers)

    def places(self, indices: Sequence[int] | Index, *, repeats: bool = False) -> Index:
        """Where each predicted frame (B, K) goes among the M scored frames.

        -1 for one to drop: a repeat, padding, or not scored. Over all windows each scored frame
        comes exactly once: `keep = places >= 0; store[places[keep]] = prediction[keep]`. With
        `repeats` a frame has a place in every window that predicts it: `overlap.py` averages them.
        """
        chosen = np.asarray(indices, dtype=np.int64)[:, None]
        output = np.arange(self.outputs)
        fresh = repeats | (output >= self._begin[chosen])
        inside = (output < self._end[chosen]) & fresh
        # any frame serves where none is asked for, as long as it exists
        frame = np.where(inside, self._first[chosen] + output, 0)
        return np.where(inside, self._place[frame], -1).astype(np.int64)

    def origins(self, indices: Sequence[int] | Index) -> list[tuple[str, str, int]]:
        """Take, camera and first predicted frame, counted in its clip, of some windows."""
        chosen = np.asarray(indices, dtype=np.int64)
        clips = self._owner[chosen]
        # frames are numbered clip after clip
        before = np.searchsorted(self._clip, clips)
        frames = (self._first[chosen] - before).tolist()
        labels = [self._labels[clip] for clip in clips]
        return [
            (label["name"], label["camera_name"], frame)
            for label, frame in zip(labels, frames, strict=True)
        ]

    def truth(self) -> Array:
        """The targets of the scored frames (M, J, 3), in their unit."""
        rows = self._targets[self._target_rows()]
        poses = rows.reshape(self.scored, self._targets.shape[1] // 3, 3)
        return self.crops.views.units(poses, self._scored) if self.crops else poses

    def factors(self, indices: Sequence[int] | Index | None = None) -> Array | None:
        """Millimetres per pixel of the scored frames (M,), or of those that windows predict (B, K).

        None where targets are no pixels.
        """
        if self._factors is None:
            return None
        if indices is None:
            return self._factors[self._target_rows(), 0]
        first = self._first[indices] + self._before_target[self._owner[indices]]
        return self._factors[first[:, None] + np.arange(self.outputs), 0]

    def metres(
        self,
        poses: Array,
        indices: Sequence[int] | Index | None = None,
    ) -> Array:
        """Poses in the unit of the targets, in metres.

        Those of `truth` (M, J, 3), or of windows as `batch` gives them (B, K, J, 3).
        """
        if self.crops:
            frames = self._scored if indices is None else self._first[indices][:, None]
            return self.crops.views.metres(poses, frames)
        factors = self.factors(indices)
        # thousands of pixels by millimetres per pixel are metres
        return poses if factors is None else poses * factors[..., None, None]

    def single(self) -> Array:
        """The keypoints of the scored frames alone (M, J, C)."""
        # past the padding in front of the frame's clip
        before = self._before_input[self.clip_numbers()] + self._before
        rows = self._keypoints[self._scored + before]
        return rows.reshape(self.scored, len(self.skeleton.joints), self.channels)

    def clip_numbers(self) -> Index:
        """Which clip each scored frame (M,) belongs to; within a clip, frames are in order."""
        return self._clip[self._scored].astype(np.int64)

    def frame_numbers(self) -> Index:
        """Which frame of its clip each scored frame (M,) is."""
        # frames are numbered clip after clip
        return self._scored - np.searchsorted(self._clip, self.clip_numbers())

    def labels(
        self,
        field: Literal["action", "subject", "style", "name", "camera_name"],
    ) -> NDArray[np.str_]:
        """A label of each scored frame (M,)."""
        return np.array([labels[field] for labels in self._labels])[self.clip_numbers()]

    def _target_rows(self) -> Index:
        """Where the targets of the scored frames (M,) stand in the padded arrays."""
        return self._scored + self._before_target[self.clip_numbers()]

    def _table(
        self,
        lengths: Index,
        counted: NDArray[np.bool_],
        stride: int,
        every: int,
    ) -> None:
        """Where each window starts, which of its outputs are new, and which frames are scored.

        Frames are numbered through all clips. `_first` is the frame of a window's first output and
        `_owner` its clip; adding the clip's `_before_input` or `_before_target` gives its first row
        in the padded arrays.
        """
        # a clip shorter than the output is padded at its end
        stored = np.maximum(lengths, self.outputs)
        frames = starts(lengths)
        self._before_target = starts(stored) - frames
        self._before_input = starts(stored + self.frames - self.outputs) - frames
        cuts = [cut(length, self.outputs, stride) for length in lengths.tolist()]
        offsets = [offset for offset, _ in cuts]
        begins = [begin for _, begin in cuts]
        clips = np.arange(len(lengths), dtype=np.int32)
        # half the memory wherever it suffices
        kind: type[np.signedinteger[Any]] = (
            np.int32 if lengths.sum() < 2**31 else np.int64
        )
        self._owner = np.repeat(clips, list(map(len, offsets)))
        first = [start + offset for start, offset in zip(frames, offsets, strict=True)]
        self._first = np.concatenate(first).astype(kind)
        # outputs from `_begin` to `_end` are new, and frames of the clip
        self._begin = np.concatenate(begins).astype(np.int32)
        left = (frames + lengths)[self._owner] - self._first
        self._end = np.minimum(self.outputs, left).astype(np.int32)
        self._clip = np.repeat(clips, lengths)
        # numbered within each clip, as published test sets are thinned
        numbered = [np.arange(length) % every == 0 for length in lengths.tolist()]
        self._score(counted & np.concatenate(numbered), kind)

    def _score(
        self,
        covered: NDArray[np.bool_],
        kind: type[np.signedinteger[Any]],
    ) -> None:
        """Number the frames that are both wanted and predicted by some window."""
        # one more where a window begins and one less where it ends: the running sum is how many
        # windows predict a frame
        first, last = (
            np.bincount(self._first + side, minlength=len(covered) + 1)
            for side in (self._begin, self._end)
        )
        covered &= np.cumsum(first - last)[:-1] > 0
        self._scored = np.flatnonzero(covered).astype(kind)
        self._place = np.where(covered, covered.cumsum() - 1, -1).astype(kind)


def mirror(values: Array, skeleton: Skeleton) -> Array:
    """Poses or screen keypoints (..., J, C) as a mirror shows them; twice is the identity.

    x is negated, left and right are swapped.
    """
    # indexing by a list copies, so the caller's array stays as it is
    flipped = values[..., list(skeleton.mirror), :]
    flipped[..., 0] *= -1
    return flipped


def _outputs(asked: int | str, frames: int) -> int:
    """K; 0, which is refused, for a word that is none."""
    if isinstance(asked, str):
        return {"centre": 1, "last": 1, "all": frames}.get(asked, 0)
    return asked


def _check(layout: Layout, *, frames: int, stride: int, every: int) -> None:
    if not 1 <= layout.outputs <= frames:
        raise BadInput(
            f"windows: outputs {layout.outputs} with {frames} frames; 'centre', 'last', 'all'"
            " or a number from 1 to the frames was due"
        )
    if stride < 1 or every < 1:
        raise BadInput(
            f"windows: stride {stride}, every {every}; both must be 1 or more"
        )
    if layout.channels not in (2, 3):
        raise BadInput(
            f"windows: channels {layout.channels}; 2 (x, y) or 3 (x, y, confidence) was due"
        )
    if layout.pad not in ("edge", "reflect"):
        raise BadInput(f"windows: pad {layout.pad!r}; 'edge' or 'reflect' was due")

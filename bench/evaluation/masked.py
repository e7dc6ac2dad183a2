"""Masked models: scored on what they hide alone, beside what costs nothing to guess.

A joint in a frame is an entry. The guesses see what the model is shown, without its noise: entries
interpolated in time within the window, by a linear map where poses are made of keypoints, and the
mean of the training frames. Where a joint is hidden in the whole window there is nothing to
interpolate: its mean stands for it, of keypoints as far from its place as the joints that are seen
are from theirs, for people walk through the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backends.base import Program
from bench.coordinator.job import Progress
from bench.data.batches.overlap import First
from bench.data.batches.windows import Windows
from bench.evaluation.baselines.predictors import linear_map
from bench.records import Baseline, Metric
from bench.training.feed import Feed

Array = NDArray[np.floating]
Mask = NDArray[np.bool_]
HALF = 0.5  # a mask is 0 or 1, whatever the precision
FLAT = 1000.0  # thousandths


@dataclass(frozen=True)
class Answers:
    """Of each scored frame: what was made (M, J, C) by the model and by guesses, what is true."""

    made: Array
    guessed: dict[str, Array]
    truth: Array
    hidden: Mask  # (M, J)


@dataclass(frozen=True)
class Guesses:
    """What needs no model: means of training frames, and how poses follow from what is shown."""

    shown: Array  # (J, C), the mean of what is read
    made: Array  # (J, C), the mean of what is to be made
    # keypoints (N, J, 2) -> poses; None: as they are
    lifted: Callable[[Array], Array] | None
    names: tuple[str, str]
    still: bool  # what is shown is relative to the root, which is nowhere else

    def mean(self, places: Array, hidden: Mask) -> Array:
        """(B, 1, J, C) for joints that are not seen in a window."""
        if self.still:
            return self.shown[None, None]
        seen = ~hidden[..., None]
        off = np.where(seen, places - self.shown, 0.0).sum(axis=(1, 2), keepdims=True)
        return self.shown + off / np.maximum(seen.sum(axis=(1, 2), keepdims=True), 1)

    def filled(self, shown: Array, hidden: Mask) -> Array:
        """What the first guess makes of windows (B, T, J, C) and their masks (B, T, J)."""
        # a confidence is not interpolated: the map does without it
        places = shown[..., : self.shown.shape[-1]]
        whole = interpolated(places, hidden, self.mean(places, hidden))
        if self.lifted is None:
            return whole
        rows = whole.reshape(-1, *whole.shape[2:])
        return self.lifted(rows).reshape(*shown.shape[:3], -1)


def guesses(feed: Feed, train: Windows) -> Guesses:
    """Fitted on single training frames, x and y alone."""
    sides = {
        "keypoints": train.single().mean(axis=0, dtype=np.float64),
        "poses": train.truth().mean(axis=0, dtype=np.float64),
    }
    reads, makes = feed.spec.reads, feed.spec.makes
    lifted = None if reads == makes else linear_map(train)
    first = "interpolation in time"
    first += ", then the least-squares linear map" if lifted else ""
    mean = "mean pose" if makes == "poses" else "mean keypoints"
    return Guesses(
        shown=sides[reads],
        made=sides[makes],
        lifted=lifted,
        names=(first, mean),
        still=reads == "poses",
    )


def answers(
    program: Program,
    feed: Feed,
    windows: Windows,
    guess: Guesses,
    progress: Progress,
) -> Answers:
    """Each window with masks of its own; a frame that two windows have is the first one's.

    There is no flip averaging: mirrored masks would hide other entries.
    """
    width = feed.coordinates
    made, filled, truth = (First(windows, coordinates=width) for _ in range(3))
    hidden = First(windows, coordinates=1)
    for batch in windows.epoch(feed.at_once, shuffle=False):
        shown = feed.shown(batch.keypoints, batch.target)
        found = program(feed.inputs(shown, batch.indices))
        masks = found["hidden"].reshape(*shown.shape[:3], 1)
        made.add(batch.indices, feed.poses(found["pose"]))
        hidden.add(batch.indices, masks)
        truth.add(batch.indices, feed.truth(batch.keypoints, batch.target))
        filled.add(batch.indices, guess.filled(shown, masks[..., 0] > HALF))
        progress("predicting what is hidden", (batch.indices[-1] + 1) / len(windows))
    mean = np.broadcast_to(guess.made, truth.result().shape)
    first, second = guess.names
    return Answers(
        made=made.result(),
        guessed={first: filled.result(), second: mean},
        truth=truth.result(),
        hidden=hidden.result()[..., 0] > HALF,
    )


def interpolated(shown: Array, hidden: Mask, mean: Array) -> Array:
    """(B, T, J, C) with hidden entries on the line between those that are seen next to them.

    Before the first that is seen it is that one, after the last the last; `mean` where there is
    none.
    """
    frames = shown.shape[1]
    time = np.arange(frames)[None, :, None]
    before = np.maximum.accumulate(np.where(hidden, -1, time), axis=1)
    after = np.where(hidden, frames, time)[:, ::-1]
    after = np.minimum.accumulate(after, axis=1)[:, ::-1]
    never = after[:, :1] == frames  # from the first frame on none is seen
    # beyond an end the one entry stands on both sides
    earlier = np.where(before < 0, after, before) % frames
    later = np.where(after == frames, before, after) % frames
    way = np.maximum(later - earlier, 1)
    share = ((time - earlier) / way)[..., None]
    left = np.take_along_axis(shown, earlier[..., None], axis=1)
    right = np.take_along_axis(shown, later[..., None], axis=1)
    line = left + (right - left) * share
    inside = (later > earlier)[..., None]
    whole = np.where(inside, line, left)
    return np.where(never[..., None], mean, whole)


def scores(
    feed: Feed, windows: Windows, found: Answers
) -> tuple[Metric, tuple[Baseline, ...]]:
    """The error on hidden entries, of the model and of each guess."""

    def metric(pred: Array) -> Metric:
        off = np.asarray(pred - found.truth, np.float32)
        if feed.spec.makes == "poses":
            off = windows.metres(off)
        errors = FLAT * np.linalg.norm(off, axis=-1)
        # what is not shown and is known
        counted = found.hidden & ~np.isnan(errors)
        return _metric(feed, windows, np.where(counted, errors, np.nan))

    guessed = [
        Baseline(name=name, metrics=(metric(pred),))
        for name, pred in found.guessed.items()
    ]
    return metric(found.made), tuple(guessed)


def _metric(feed: Feed, windows: Windows, errors: Array) -> Metric:
    """Means of errors (M, J), NaN where nothing counts."""
    actions = _by(windows.labels("action"), errors)
    subjects = _by(windows.labels("subject"), errors)
    joints = zip(windows.skeleton.joints, errors.T, strict=True)
    return Metric(
        name=feed.measured,
        unit=feed.unit,
        better="lower",
        frame_wise=_mean(errors),
        action_wise=_mean(np.array(list(actions.values()))),
        subject_wise=_mean(np.array(list(subjects.values()))),
        per_action=actions,
        per_subject=subjects,
        per_joint=_known({joint: _mean(column) for joint, column in joints}),
    )


def _by(labels: NDArray[np.str_], errors: Array) -> dict[str, float]:
    named = {str(name): errors[labels == name] for name in np.unique(labels)}
    return _known({name: _mean(rows) for name, rows in named.items()})


def _known(means: dict[str, float | None]) -> dict[str, float]:
    return {name: mean for name, mean in means.items() if mean is not None}


def _mean(errors: Array) -> float | None:
    there = errors[~np.isnan(errors)]
    return float(there.mean(dtype=np.float64)) if there.size else None

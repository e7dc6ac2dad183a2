"""The poses that a trained model gives, one for each frame that is to be scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backends.base import Program
from bench.coordinator.job import Job, Progress
from bench.data.batches import overlap
from bench.data.batches.windows import Windows, mirror
from bench.data.clip import Clip
from bench.training.feed import HYPOTHESES, VERTICES, Feed
from models import wrappers
from models.errors import BadInput

Array = NDArray[np.float32]


def windows_of(
    job: Job, feed: Feed, clips: Sequence[Clip], *, every: int = 1
) -> Windows:
    """Windows in which each frame that is scored is predicted.

    Raises BadInput where the model's `test_every` skips frames.
    """
    stride = job.settings.test_every
    windows = feed.windows(clips, stride=stride, every=every)
    # frames between would not be scored, under a protocol that says they are
    if stride and stride > windows.outputs:
        due = f"at most {windows.outputs} was due, what a window predicts"
        raise BadInput(
            f"configuration key model.{job.model}.test_every: {stride}; {due}"
        )
    return windows


@dataclass(frozen=True)
class Predicted:
    """What a model gives for each of M scored frames, in the windows' unit."""

    poses: Array  # (M, J, 3)
    hypotheses: Array | None  # (M, H, J, 3), of a model that gives several
    vertices: Array | None  # (M, V, 3), metres, of one that makes a surface


def predicted(
    program: Program, feed: Feed, windows: Windows, progress: Progress
) -> Predicted:
    """Poses in the windows' unit, one for each scored frame, and the hypotheses for it.

    They are as the model gives them: its root is not moved to zero. Under a protocol with flip
    averaging, the mean of that and of the mirror image of what it makes of mirrored keypoints;
    under one of overlapping windows, the mean of all that predict the frame. A surface is never
    averaged: a mesh need not be its own mirror image.
    """
    # a frame that two windows predict, as at the end of a clip, is the first one's
    kept = overlap.Mean if feed.protocol.overlap else overlap.First
    poses = kept(windows)
    drawn = kept(windows, hypotheses=feed.hypotheses) if feed.hypotheses else None
    count = len(feed.skin.mesh.vertices) if feed.skin else 0
    surfaces = overlap.First(windows, points=count) if feed.skin else None
    # in order, so that the last index says how far it is
    for batch in windows.epoch(feed.at_once, shuffle=False):
        found = _called(
            program, feed, windows, feed.shown(batch.keypoints, batch.target)
        )
        poses.add(batch.indices, feed.poses(found["pose"]))
        if drawn:
            drawn.add(batch.indices, feed.several(found[HYPOTHESES]))
        if surfaces:
            surfaces.add(batch.indices, found[VERTICES][:, None])
        progress("predicting test poses", (batch.indices[-1] + 1) / len(windows))
    return Predicted(
        poses=poses.result(),
        hypotheses=drawn.result() if drawn else None,
        vertices=surfaces.result() if surfaces else None,
    )


def _called(
    program: Program, feed: Feed, windows: Windows, shown: Array
) -> dict[str, Array]:
    """The outputs of a call, poses among them averaged with those of the mirror image."""
    found = program(feed.inputs(shown))
    if not feed.protocol.flip_tta:
        return found
    others = program(feed.inputs(windows.mirrored(shown)))
    meant = {
        name: _meant(feed, windows, found[name], others[name])
        for name in wrappers.POSES
        if name in found
    }
    return {**found, **meant}


def _meant(feed: Feed, windows: Windows, one: Array, other: Array) -> Array:
    """The mean of poses with the mirror image of others, which a flat model gives flat."""
    shape = (*one.shape[:-1], -1, 3) if one.ndim == 2 else one.shape
    # back in the mirror before the mean, or left and right would cancel
    turned = mirror(other.reshape(shape), windows.skeleton)
    return (one.reshape(shape) + turned) * np.float32(0.5)

"""The poses that a trained model gives, one for each frame that is to be scored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backends.base import Program
from bench.coordinator.job import Job, Progress
from bench.data.batches import overlap
from bench.data.batches.windows import Windows, mirror
from bench.data.clip import Clip
from bench.training.feed import Feed
from models.errors import BadInput

Array = NDArray[np.float32]
BATCH = 512  # windows at once: enough to keep a device busy, few enough for any memory


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


def predicted(
    program: Program, feed: Feed, windows: Windows, progress: Progress
) -> Array:
    """Poses (M, J, 3) in the windows' unit, one for each scored frame.

    They are as the model gives them: its root is not moved to zero. Under a protocol with flip
    averaging, the mean of that and of the mirror image of what it makes of mirrored keypoints;
    under one of overlapping windows, the mean of all that predict the frame.
    """
    # a frame that two windows predict, as at the end of a clip, is the first one's
    poses = overlap.Mean(windows) if feed.protocol.overlap else overlap.First(windows)
    # in order, so that the last index says how far it is
    for batch in windows.epoch(BATCH, shuffle=False):
        shown = feed.shown(batch.keypoints, batch.target)
        pose = feed.poses(program(feed.inputs(shown))["pose"])
        if feed.protocol.flip_tta:
            mirrored = mirror(shown, windows.skeleton)
            other = feed.poses(program(feed.inputs(mirrored))["pose"])
            # back in the mirror before the mean, or left and right would cancel
            pose = (pose + mirror(other, windows.skeleton)) * np.float32(0.5)
        poses.add(batch.indices, pose)
        progress("predicting test poses", (batch.indices[-1] + 1) / len(windows))
    return poses.result()

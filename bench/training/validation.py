"""A point of the validation curve: the error on poses that are not trained on.

It is for the eye, unless a training asks for clips that are held out to go by (`heldout.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backends.base import Program
from bench.coordinator.job import Job
from bench.data import Split
from bench.data.batches.windows import Windows
from bench.training.feed import Feed

HALF = 0.5  # a mask is 0 or 1, whatever the precision


def validation_of(job: Job, feed: Feed, split: Split, program: Program) -> Validation:
    """The validation of a job's training, which evaluation looks at again."""
    return Validation(
        program=program,
        feed=feed,
        windows=feed.windows(split.validated, stride=None),
        most=job.settings.train.validation_windows,
        seed=job.config.seed,
    )


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A drawn share of the windows, the same at every call, through the inference graph."""

    program: Program
    feed: Feed
    windows: Windows
    most: int  # windows looked at
    seed: int

    def drawn(self) -> np.ndarray:
        """The windows that are looked at, by number."""
        # the same seed at every call: points of a curve must be of the same poses
        order = np.random.default_rng(self.seed).permutation(len(self.windows))
        return np.sort(order[: self.most])  # neighbours lie near each other in memory

    def places(self) -> list[tuple[str, str, int]]:
        """Take, camera and first predicted frame of each window that is looked at."""
        return self.windows.origins(self.drawn())

    def error(self, params: Mapping[str, np.ndarray]) -> float:
        """Mean distance of joints under these weights, in the feed's unit.

        Of a masked model, of those that it hides.
        """
        # the train graph has parameters that inference does without
        wanted = self.program.graph.params
        inferred = {name: array for name, array in params.items() if name in wanted}
        self.program.load(inferred)
        drawn = self.drawn()
        # of one size, give or take a window
        parts = np.array_split(drawn, max(1, len(drawn) // self.feed.at_once))
        summed, windows = zip(*map(self._summed, parts), strict=True)
        # of no joint at all there is no error, and none is the best of all
        return float(np.sum(summed) / sum(windows)) if sum(windows) else float("nan")

    def _summed(self, part: np.ndarray) -> tuple[np.float32, float]:
        """The mean error of some windows times their number, and that number.

        Windows count by the share of their joints that the truth has.
        """
        keypoints, target = self.windows.batch(part)
        shown, truth = (
            self.feed.shown(keypoints, target),
            self.feed.truth(keypoints, target),
        )
        made = self.program(self.feed.inputs(shown, part))
        poses = self.feed.poses(made["pose"])
        off = poses - truth
        if self.feed.spec.makes == "poses":
            metres = [self.windows.metres(each, part) for each in (poses, truth)]
            off = metres[0] - metres[1]
        apart = np.linalg.norm(off, axis=-1)
        there = ~np.any(np.isnan(truth), axis=-1)
        if self.feed.spec.masked:
            # what was shown is no task
            there &= made["hidden"].reshape(there.shape) > HALF
        if there.all():
            # times their number: a mean of means would weigh smaller parts more
            return np.float32(apart.mean() * 1000 * len(part)), len(part)
        joints = there[0].size
        summed = apart[there].sum() * 1000 / joints
        return np.float32(summed), int(there.sum()) / joints

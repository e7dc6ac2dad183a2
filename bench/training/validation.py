"""A point of the validation curve: the error on poses that are not trained on.

It is for the eye: nothing is selected by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backends.base import Program
from bench.data.batches.windows import Windows
from bench.training.feed import Feed

BATCH = 512  # windows at once, about; all parts are of one size, give or take a window


@dataclass(frozen=True, kw_only=True)
class Validation:
    """A drawn share of the windows, the same at every call, through the inference graph."""

    program: Program
    feed: Feed
    windows: Windows
    most: int  # windows looked at
    seed: int

    def error(self, params: Mapping[str, np.ndarray]) -> float:
        """Mean distance of joints under these weights, mm."""
        # The train graph has parameters that inference does without.
        wanted = self.program.graph.params
        self.program.load({name: array for name, array in params.items() if name in wanted})
        drawn = np.random.default_rng(self.seed).permutation(len(self.windows))[: self.most]
        parts = np.array_split(np.sort(drawn), max(1, len(drawn) // BATCH))
        return float(np.sum([self._summed(part) for part in parts]) / len(drawn))

    def _summed(self, part: np.ndarray) -> np.float32:
        """The mean error of some windows times their number."""
        keypoints, target = self.windows.batch(part)
        pose = self.feed.poses(self.program(self.feed.inputs(keypoints))["pose"])
        apart = np.linalg.norm(self.windows.metres(pose - target, part), axis=-1)
        return np.float32(apart.mean() * 1000 * len(part))

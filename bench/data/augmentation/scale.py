"""Make body and path larger or smaller."""

from __future__ import annotations

import numpy as np

from bench.data.augmentation._bodies import refilm, root, world
from bench.data.augmentation._options import Factor
from bench.data.clip import Clip

DRAWN = "take"


def change(
    clip: Clip,
    draw: np.random.Generator,
    *,
    low: Factor = 0.9,
    high: Factor = 1.1,
) -> Clip:
    """By a factor between `low` and `high`. Raises as `rotate` does."""
    pose = world(clip, "scale")
    # about the floor (z = 0) below the mean root: feet stay on the ground
    middle = root(pose, clip) * (1, 1, 0)
    return refilm(clip, clip.camera, (pose - middle) * draw.uniform(low, high) + middle)

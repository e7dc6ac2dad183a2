"""The motion slower or faster, at the same frame rate."""

from __future__ import annotations

import numpy as np

from bench.data.augmentation._frames import at, times
from bench.data.augmentation._options import Factor
from bench.data.clip import Clip

DRAWN = "take"


def change(
    clip: Clip,
    draw: np.random.Generator,
    *,
    low: Factor = 0.8,
    high: Factor = 1.25,
) -> Clip:
    """By a factor between `low` and `high`."""
    return at(clip, times(clip, draw.uniform(low, high)))

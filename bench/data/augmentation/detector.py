"""A plain detector's errors, outliers and misses."""

from __future__ import annotations

import numpy as np

from bench.data.clip import Clip
from bench.data.detector import noise

DRAWN = "view"
PLAIN = noise.Detector()


def change(
    clip: Clip,
    draw: np.random.Generator,
    *,
    errors: noise.Detector = PLAIN,
) -> Clip:
    """The keypoints as a detector with these errors would give them."""
    return noise.disturb(clip, errors, draw)

"""Miss single joints in single frames."""

from __future__ import annotations

import numpy as np

from bench.data.augmentation._options import Share
from bench.data.clip import Clip
from bench.data.detector.noise import miss

DRAWN = "view"


def change(clip: Clip, draw: np.random.Generator, *, share: Share = 0.1) -> Clip:
    """That share of all joints of all frames."""
    return miss(clip, draw.random(clip.confidence.shape) < share)

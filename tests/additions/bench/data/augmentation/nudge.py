"""Keypoints a little to the right."""

from __future__ import annotations

import dataclasses

import numpy as np

from bench.data.augmentation._options import Spread
from bench.data.clip import Clip

DRAWN = "view"


def change(clip: Clip, draw: np.random.Generator, *, pixels: Spread = 1.0) -> Clip:
    """By so many pixels, all alike."""
    step = np.float32([pixels, 0])
    return dataclasses.replace(clip, keypoints=clip.keypoints + step)

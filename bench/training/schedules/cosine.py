"""A short linear rise, then half a cosine: Loshchilov and Hutter (2017), without restarts."""

from __future__ import annotations

import math

from bench.kinds import Part
from bench.training.schedules import Now

WARM_UP = 0.02
EITHER = ()


def factor(
    now: Now,
    *,
    floor: Part = 0.01,
) -> float:
    """From 1 after the rise down to `floor` at the end."""
    fall = max(1, now.steps - now.rise)
    share = (now.step - now.rise) / fall  # from 0 up to 1
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share))


def oracle(
    now: Now,
    *,
    floor: float,
) -> float:
    """By the square of the sine of half the angle, which is what has been lost."""
    left = now.steps - now.rise
    angle = math.pi * (now.step - now.rise) / max(1, left)
    return 1 - (1 - floor) * math.sin(angle / 2) ** 2

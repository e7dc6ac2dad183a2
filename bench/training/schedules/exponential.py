"""Falls by the same share in each step: `factor` in an epoch, or in so many steps."""

from __future__ import annotations

import math

from bench.kinds import Count, Part
from bench.training.schedules import Now

WARM_UP = 0.0
EITHER = ()


def factor(
    now: Now,
    *,
    factor: Part = 0.95,
    every: Count | None = None,
) -> float:
    """A power with parts of an epoch, or of `every` steps."""
    passed = now.step / every if every else now.epochs
    return factor**passed


def oracle(
    now: Now,
    *,
    factor: float,
    every: int | None,
) -> float:
    """By its logarithm."""
    if not factor:
        return 0.0 if now.step else 1.0
    passed = now.step / every if every else now.epochs
    return math.exp(passed * math.log(factor))

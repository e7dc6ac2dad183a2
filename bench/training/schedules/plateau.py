"""Falls where the validation error does not: PyTorch's ReduceLROnPlateau, by share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.kinds import Natural, Part
from bench.training.schedules import Now

WARM_UP = 0.0
EITHER = ()


def factor(
    now: Now,
    *,
    factor: Part = 0.1,
    patience: Natural = 10,
    least: Part = 1e-4,
) -> float:
    """`factor` once more after `patience` validations and one, none better by `least` of itself."""
    best, idle, falls = math.inf, 0, 0
    for error in now.validation:
        idle += 1
        if error < best * (1 - least):
            best, idle = error, 0
        if idle > patience:
            falls += 1
            idle = 0
    return factor**falls


def oracle(
    now: Now,
    *,
    factor: float,
    patience: int,
    least: float,
) -> float:
    """By the validations at which a count begins anew: records and falls."""
    records = _records(now.validation, least)
    begun, rate = -1, 1.0
    for place in range(len(now.validation)):
        if place in records:
            begun = place
        elif place - begun == patience + 1:
            begun, rate = place, rate * factor
    return rate


def _records(errors: Sequence[float], least: float) -> set[int]:
    """Places of the errors that are better than the best before them."""
    found: list[int] = []
    for place, error in enumerate(errors):
        if not found or error < (1 - least) * errors[found[-1]]:
            found.append(place)
    return set(found)

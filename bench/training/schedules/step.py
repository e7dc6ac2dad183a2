"""Falls at once, and again: after so many steps, after each epoch, or after steps that are named.

PyTorch's StepLR and MultiStepLR; with a factor alone, ExponentialLR called once an epoch.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bench.kinds import Count, Part
from bench.training.schedules import Now

WARM_UP = 0.0
# each says when the rate falls
EITHER = ("every", "after")
Steps = Annotated[tuple[Count, ...], Field(min_length=1)]


def factor(
    now: Now,
    *,
    factor: Part = 0.1,
    every: Count | None = None,
    after: Steps | None = None,
) -> float:
    """`factor`, as often as the rate has fallen: each epoch, where neither is given."""
    if after:
        falls = sum(now.step >= step for step in after)
    elif every:
        falls = now.step // every
    else:
        falls = int(now.epochs)
    return factor**falls


def oracle(
    now: Now,
    *,
    factor: float,
    every: int | None,
    after: Steps | None,
) -> float:
    """Fall by fall."""
    due = float(now.step)
    marks = sorted(after or ())
    if not after:
        due = now.step / every if every else now.epochs
        marks = list(range(1, int(due) + 1))
    rate = 1.0
    for mark in marks:
        if mark <= due:
            rate *= factor
    return rate

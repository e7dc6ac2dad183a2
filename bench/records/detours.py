"""What the detours task finds: seconds of ways round an op beside those of its kernel."""

from __future__ import annotations

from typing import Literal

from bench.records.frozen import Frozen


class Detour(Frozen):
    """One op's largest call of a model, by its kernel and by its way round.

    Seconds are medians of as many samples; the ratio is the median of those of each round, with
    its 95 % bootstrap interval.
    """

    op: str
    shapes: tuple[tuple[int, ...], ...]  # of what is read
    count: int  # calls of this op in the train graph
    kernel: float | None = None
    route: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    note: str = ""  # why there is no time


class Detours(Frozen):
    """Ways round the ops of one model that have one, on one backend."""

    task: Literal["detours"] = "detours"
    rows: tuple[Detour, ...]
    batch: int

"""What the profile task finds: seconds of each call of a model, by itself."""

from __future__ import annotations

from typing import Literal

from bench.records.frozen import Frozen


class ProfileRow(Frozen):
    """A call of the inference graph, and how often the graph makes it."""

    op: str
    where: str  # file and line of the model, of the first of them
    shapes: tuple[tuple[int, ...], ...]  # of what is read
    count: int
    seconds: float | None = None  # of one, the median of its samples
    note: str = ""  # why there is no time


class Profile(Frozen):
    """Calls of one model on one backend, those that take longest in all first."""

    task: Literal["profile"] = "profile"
    rows: tuple[ProfileRow, ...]
    whole: float  # seconds of one call of the graph as it is
    batch: int
    frames: int

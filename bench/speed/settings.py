"""How models are timed: the timing's part of a configuration."""

from __future__ import annotations

from pydantic import Field

from bench.kinds import Count, Seconds, Strict, Whole


class Throughput(Strict):
    """Size of the timing."""

    batches: tuple[Count, ...] = Field(default=(1, 64), min_length=1)
    train: bool = True
    train_batch: Count = 64
    rounds: Whole = Field(default=15, ge=3)  # for a median and its interval
    seconds: Seconds = 0.1  # of one sample

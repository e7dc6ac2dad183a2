"""How models are timed: the timing's part of a configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from bench.kinds import Count, Fading, Seconds, Strict, Whole


def _several(said: object) -> object:
    return (said,) if isinstance(said, int) else said


Batches = Annotated[tuple[Count, ...], BeforeValidator(_several), Field(min_length=1)]


class Throughput(Strict):
    """Size of the timing."""

    batches: tuple[Count, ...] = Field(default=(1, 64), min_length=1)
    frames: tuple[Count, ...] = ()  # input frames of a call; empty: a training window's
    # those that a backend does not have are left out there, and said
    modes: tuple[Literal["customary", "eager", "compiled"], ...] = Field(
        default=("customary",), min_length=1
    )
    train: bool = True
    train_batch: Batches = (64,)  # a number, or several
    rounds: Whole = Field(default=15, ge=3)  # for a median and its interval
    seconds: Seconds = 0.1  # of one sample
    # how often all is timed, each time in new processes: two of the same program differ by
    # what lies where in memory, and no number of rounds shows it
    processes: Count = 1
    latency: Whole = Field(default=200, ge=10)  # single calls, as far as there is time
    # peak memory and sizes of exported files, each asked of a process of its own
    aside: bool = False
    limits: bool = False  # what the framework reaches here with the plainest work
    # for the self-test alone: share of the calls that are done twice
    slowed: Fading = 0.0

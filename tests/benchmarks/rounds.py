"""Two works timed in turns, and what is said of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.speed.timing import interval

Work = Callable[[], Any]
# rounds: a median of fewer says little, and more say no more
FEWEST, MOST = 12, 200
ROUNDS = 5  # of pytest-benchmark's own, for a row of its table
WARM = 3  # runs before the clock: caches, threads and compilers get ready


def interleaved(
    ours: Work,
    theirs: Work,
    *,
    seconds: float,
) -> tuple[list[float], list[float]]:
    """Seconds of each, in rounds A B, B A, A B, ..., after a warm-up."""
    mine, other = list[float](), list[float]()
    for work in (ours, theirs) * WARM:
        work()
    end = time.perf_counter() + seconds
    while len(mine) < FEWEST or (time.perf_counter() < end and len(mine) < MOST):
        turns = [(ours, mine), (theirs, other)]
        # who comes second in one round comes first in the next: a machine that slows down or
        # warms up is unfair to neither
        if len(mine) % 2:
            turns.reverse()
        for work, spent in turns:
            start = time.perf_counter()
            work()
            spent.append(time.perf_counter() - start)
    return mine, other


def told(
    benchmark: Any,
    ours: Work,
    theirs: Work,
    *,
    names: tuple[str, str],
    seconds: float,
) -> None:
    """Time both in turns, then give `ours` to pytest-benchmark, for its table.

    What the rounds in turns say goes into `extra_info`; `conftest.py` shows it beneath the table.
    Nothing is asserted on time.
    """
    spent = interleaved(ours, theirs, seconds=seconds)
    mine, other = map(statistics.median, spent)
    # of each round by itself: what slows a whole round slows both
    ratios = [a / b for a, b in zip(*spent, strict=True)]
    low, high = interval(ratios)
    benchmark.extra_info.update(
        beside=" / ".join(names),
        ratio=mine / other,
        paired=statistics.median(ratios),
        paired_low=low,
        paired_high=high,
        seconds=mine,
        beside_seconds=other,
        turns=len(ratios),
    )
    # they are warm by now
    benchmark.pedantic(ours, rounds=ROUNDS, warmup_rounds=0)

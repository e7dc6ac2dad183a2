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
    what: str,
    ours: Work,
    theirs: Work,
    *,
    names: tuple[str, str],
    seconds: float,
) -> dict[str, float]:
    """Time both, print medians and ratios, and give them back; nothing is asserted on time."""
    spent = interleaved(ours, theirs, seconds=seconds)
    mine, other = map(statistics.median, spent)
    ratio = mine / other
    # of each round by itself: what slows a whole round slows both
    ratios = [a / b for a, b in zip(*spent, strict=True)]
    paired = statistics.median(ratios)
    low, high = interval(ratios)
    print(
        f"\n{what}: {names[0]} {mine * 1e3:.2f} ms, {names[1]} {other * 1e3:.2f} ms,"
        f" ratio {ratio:.3f} (paired {paired:.3f}, {low:.3f} to {high:.3f}),"
        f" {len(spent[0])} rounds"
    )
    return {
        "ratio": ratio,
        "paired": paired,
        "paired_low": low,
        "paired_high": high,
        names[1].replace(" ", "_"): other,
    }

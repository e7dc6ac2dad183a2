"""Two works timed in turns, and what is said of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

Work = Callable[[], Any]
FEWEST, MOST = 12, 200  # rounds


def interleaved(
    ours: Work, theirs: Work, *, seconds: float
) -> tuple[list[float], list[float]]:
    """Seconds of each, in rounds A B, B A, A B, ..., after a warm-up."""
    spent: tuple[list[float], list[float]] = ([], [])
    for work in (ours, theirs) * 3:
        work()
    end = time.perf_counter() + seconds
    while len(spent[0]) < FEWEST or (time.perf_counter() < end and len(spent[0]) < MOST):
        for which in (0, 1) if len(spent[0]) % 2 == 0 else (1, 0):
            start = time.perf_counter()
            (ours, theirs)[which]()
            spent[which].append(time.perf_counter() - start)
    return spent


def told(
    what: str, ours: Work, theirs: Work, *, names: tuple[str, str], seconds: float
) -> dict[str, float]:
    """Time both, print medians and ratios, and give them back; nothing is asserted on time."""
    spent = interleaved(ours, theirs, seconds=seconds)
    medians = [statistics.median(times) for times in spent]
    ratio = medians[0] / medians[1]
    paired = statistics.median(a / b for a, b in zip(*spent, strict=True))
    one, other = (
        f"{name} {median * 1e3:.2f} ms" for name, median in zip(names, medians, strict=True)
    )
    print(
        f"\n{what}: {one}, {other}, ratio {ratio:.3f} (paired {paired:.3f}),"
        f" {len(spent[0])} rounds"
    )
    return {"ratio": ratio, "paired": paired, names[1].replace(" ", "_"): medians[1]}

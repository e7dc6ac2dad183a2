"""Are two means as good as equal: two one-sided tests (TOST) after Schuirmann (1987), by Welch.

Scores may have unequal spreads. Where nothing is decided, power by the noncentral t distribution
says how many scores would do, if difference and spread are as they were found.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

LEVEL = 0.05  # of each test
POWER = 0.8  # with which a test is to decide
MOST = 10_000  # scores of each side, beyond which nobody would train
Answer = Literal["equivalent", "different", "inconclusive"]


@dataclass(frozen=True)
class Mean:
    """Mean of some scores, with its 95 % interval (t); None of a single one."""

    count: int
    mean: float
    deviation: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Tested:
    """What two sides are to each other."""

    difference: float  # of the first from the second
    # of its 90 % interval, inside the margin where they are equivalent
    low: float | None
    high: float | None
    equivalent: float | None  # p of TOST
    different: float | None  # p that the difference is no larger than the margin
    answer: Answer
    needed: int | None = None  # scores of each side, where nothing is decided


def mean(scores: Sequence[float]) -> Mean:
    """Of one score at least."""
    from scipy import stats

    count, centre = len(scores), statistics.fmean(scores)
    if count < 2:
        return Mean(count, centre, None, None, None)
    deviation = statistics.stdev(scores)
    half = float(stats.t.ppf(0.975, count - 1)) * deviation / math.sqrt(count)
    return Mean(count, centre, deviation, centre - half, centre + half)


def tested(one: Sequence[float], other: Sequence[float], *, margin: float) -> Tested:
    """Two sides of one score at least; `margin` is what counts as nothing, in their unit."""
    difference = statistics.fmean(one) - statistics.fmean(other)
    if min(len(one), len(other)) < 2:
        return Tested(difference, None, None, None, None, "inconclusive")
    if statistics.stdev(one) == statistics.stdev(other) == 0:
        return _certain(difference, margin)
    above, below = _beyond(one, other, margin), _beyond(other, one, margin)
    # beyond the margin on neither side; beyond it on one
    equivalent = max(1 - above, 1 - below)
    different = min(1.0, 2 * min(above, below))
    low, high = _interval(one, other)
    answer: Answer = "inconclusive"
    if equivalent < LEVEL:
        answer = "equivalent"
    elif different < LEVEL:
        answer = "different"
    needed = None
    if answer == "inconclusive":
        needed = _needed(abs(difference), one, other, margin)
    return Tested(difference, low, high, equivalent, different, answer, needed)


def _certain(difference: float, margin: float) -> Tested:
    """Of scores without any spread, which leave nothing to chance."""
    inside = abs(difference) < margin
    p = (0.0, 1.0) if inside else (1.0, 0.0)
    answer: Answer = "equivalent" if inside else "different"
    return Tested(difference, difference, difference, *p, answer)


def _beyond(one: Sequence[float], other: Sequence[float], margin: float) -> float:
    """p of the test that the first mean is above the second by more than the margin."""
    from scipy import stats

    moved = [score - margin for score in one]
    found = stats.ttest_ind(moved, other, equal_var=False, alternative="greater")
    return float(found.pvalue)


def _interval(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    from scipy import stats

    found = stats.ttest_ind(one, other, equal_var=False)
    ends = found.confidence_interval(confidence_level=1 - 2 * LEVEL)
    return float(ends.low), float(ends.high)


def _needed(
    difference: float, one: Sequence[float], other: Sequence[float], margin: float
) -> int | None:
    """The fewest scores of each side that decide with POWER; None beyond MOST."""
    spreads = statistics.variance(one), statistics.variance(other)

    def enough(count: int) -> bool:
        return _power(count, difference, spreads, margin) >= POWER

    if not enough(MOST):
        return None
    low, high = 1, MOST
    # more scores never decide less: halve the range
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _power(
    count: int, difference: float, spreads: tuple[float, float], margin: float
) -> float:
    """That `count` scores of each side decide, where the difference is what it is."""
    from scipy import stats

    first, second = spreads
    error = math.sqrt((first + second) / count)
    # Welch and Satterthwaite's, of sides of one length
    freedom = (count - 1) * (first + second) ** 2 / (first**2 + second**2)
    if difference > margin:
        least = stats.t.ppf(1 - LEVEL / 2, freedom)
        return float(stats.nct.sf(least, freedom, (difference - margin) / error))
    least = stats.t.ppf(1 - LEVEL, freedom)
    near, far = (
        stats.nct.sf(least, freedom, (margin + sign * difference) / error)
        for sign in (-1, 1)
    )
    return max(0.0, float(near + far - 1))

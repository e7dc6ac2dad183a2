"""Where a series of numbers has stepped, and by how much.

Ranks before and after each place are held against each other (Pettitt, 1979), within the whole and
within parts of it, so that a rise is found that was taken back later (seeded binary segmentation:
Kovacs and others, 2023). The chance of the largest difference is counted over shuffles of the
series (Matteson and James, 2014): neither a distribution nor a threshold is assumed, and a wild
value weighs no more than its rank. What a step divides is searched again on both sides.

The size is the ratio of the medians of both sides, with a 95 % bootstrap interval (Efron, 1979),
which held 95 % of steps of 10 % that were planted in noise of 2 and 3 %. That of the place, made
alike, held 92 and 89 %.

At a chance of 1 % a step takes a dozen values. They must be as good as independent: what drifts is
told as steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Array = NDArray[np.float64]

LEVEL = 0.01  # of all series without a step, the part that may show one
SHUFFLES = 999
SHORTEST = 8  # values of a part that is looked at by itself
SHRINK = 2**0.5  # a part by which the next shorter ones are shorter
RESAMPLES = 999
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True)
class Step:
    """A step of a series, which is numbered from 0."""

    at: int  # the first value after it
    earliest: int  # 95 % interval of that
    latest: int
    before: float  # medians of the values up to the neighbouring steps
    after: float
    ratio: float  # after / before, with its 95 % interval
    low: float
    high: float


def steps(
    values: Sequence[float], *, floor: float = 0.0, seed: int = 0
) -> tuple[Step, ...]:
    """All steps, in their order; none that is smaller than `floor`.

    `floor`: relative difference that says nothing, such as that of an A/A run. None is found
    where a value is not above 0: of those there is no ratio.
    """
    series = np.asarray(values, dtype=np.float64)
    if not np.all(series > 0):
        return ()
    rng = np.random.default_rng(seed)
    places = sorted(_places(series, 0, rng))
    found = _sized(series, places, rng)
    # without those, what they divided is one again
    while small := [one for one in found if _within(one, floor)]:
        places.remove(min(small, key=_distance).at)
        found = _sized(series, places, rng)
    return tuple(found)


def _places(part: Array, start: int, rng: np.random.Generator) -> Iterator[int]:
    """Where a part of a series steps; `start` is where it begins in the whole."""
    if len(part) < SHORTEST:
        return
    ranks = rankdata(part)
    largest, cut = _largest(ranks[None])
    shuffled = rng.permuted(np.tile(ranks, (SHUFFLES, 1)), axis=1)
    # beyond rounding: equal values give many equal sums
    as_large = int(np.sum(_largest(shuffled)[0] >= largest[0] * (1 - 1e-9)))
    if (1 + as_large) / (1 + SHUFFLES) > LEVEL:
        return
    at = int(cut[0])
    yield start + at
    yield from _places(part[:at], start, rng)
    yield from _places(part[at:], start + at, rng)


def _largest(ranks: Array) -> tuple[Array, NDArray[np.int64]]:
    """Of each row (rows, n) the largest difference in any part, and the first value after it."""
    count = ranks.shape[1]
    sums = np.zeros((len(ranks), count + 1))
    np.cumsum(ranks - ranks.mean(axis=1, keepdims=True), axis=1, out=sums[:, 1:])
    best = np.full(len(ranks), -1.0)
    place = np.zeros(len(ranks), dtype=np.int64)
    for low, high in _parts(count):
        found = _contrast(sums[:, low : high + 1])
        cut = found.argmax(axis=1)
        value = found[np.arange(len(found)), cut]
        place = np.where(value > best, low + cut + 1, place)
        best = np.maximum(value, best)
    return best, place


def _parts(count: int) -> Iterator[tuple[int, int]]:
    """The whole, and ever shorter parts that overlap by half."""
    length = float(count)
    while length >= SHORTEST:
        size = round(length)
        number = 2 * math.ceil(count / length) - 1
        for low in np.unique(np.linspace(0, count - size, number).round()):
            yield int(low), int(low) + size
        length /= SHRINK


def _contrast(sums: Array) -> Array:
    """How far the first k values lie from the others: (..., n + 1) -> (..., n - 1).

    `sums` are cumulated, and begin anywhere. All that is left out is a factor of the whole series.
    """
    count = sums.shape[-1] - 1
    first = np.arange(1, count)
    begin, end = sums[..., :1], sums[..., -1:]
    due = begin + (end - begin) * first / count
    return np.abs(sums[..., 1:-1] - due) / np.sqrt(first * (count - first) / count)


def _sized(
    series: Array, places: Sequence[int], rng: np.random.Generator
) -> list[Step]:
    """Each step by what lies on both sides of it."""
    ends = [0, *places, len(series)]
    return [
        _step(series[low:at], series[at:high], low, rng)
        for low, at, high in zip(ends, ends[1:], ends[2:], strict=False)
    ]


def _step(left: Array, right: Array, start: int, rng: np.random.Generator) -> Step:
    befores = _resampled(left, rng)
    afters = _resampled(right, rng)
    ratios = np.median(afters, axis=1) / np.median(befores, axis=1)
    ranks = rankdata(np.concatenate([befores, afters], axis=1), axis=1)
    sums = np.cumsum(np.pad(ranks, ((0, 0), (1, 0))), axis=1)
    cuts = _contrast(sums).argmax(axis=1) + 1
    low, high = np.percentile(ratios, INTERVAL)
    earliest, latest = np.percentile(cuts, INTERVAL, method="nearest")
    before, after = float(np.median(left)), float(np.median(right))
    return Step(
        at=start + len(left),
        earliest=start + int(earliest),
        latest=start + int(latest),
        before=before,
        after=after,
        ratio=after / before,
        low=float(low),
        high=float(high),
    )


def _resampled(values: Array, rng: np.random.Generator) -> Array:
    picks = rng.integers(0, len(values), (RESAMPLES, len(values)))
    return values[picks]


def _distance(step: Step) -> float:
    return abs(step.ratio - 1)


def _within(step: Step, floor: float) -> bool:
    """Whether a step says nothing, or may be none."""
    return _distance(step) <= floor or step.low <= 1 <= step.high

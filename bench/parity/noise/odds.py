"""What chance allows: bounds that an honest draw keeps but once in ten thousand million times.

A ladder makes some thousand comparisons, so that 200 ladders hold one false alarm in 10,000.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

ALPHA = 1e-10  # of one comparison, both sides together
Z = float(-special.ndtri(ALPHA / 2))  # standard errors, 6.5
SELDOM = math.log(2 / ALPHA)  # as inequalities have it


class Odds(NamedTuple):
    """How far a statistic is from what is due, and how far it may be."""

    error: float
    bound: float


class Law(NamedTuple):
    """The distribution of a continuous noise."""

    mean: float
    deviation: float
    kurtosis: float
    least: float
    most: float
    below: Callable[[np.ndarray], np.ndarray]  # share of the numbers below each


def law(kind: str, number: float) -> Law:
    """Of `normal` noise with a standard deviation, or of `uniform` noise below a bound."""
    if kind == "normal":
        ends = (-np.inf, np.inf)
        return Law(0.0, number, 3.0, *ends, lambda x: special.ndtr(x / number))
    deviation = number / 12**0.5
    ends = (0.0, float(np.float32(number)))
    return Law(number / 2, deviation, 1.8, *ends, lambda x: np.clip(x / number, 0, 1))


def share(
    hits: np.ndarray,
    tries: np.ndarray | int,
    due: float,
) -> Odds:
    """The worst of some shares against the probability that is due.

    By the exact (Clopper-Pearson) interval around each; both arrays broadcast.
    """
    hits, tries = np.broadcast_arrays(np.atleast_1d(hits), tries)
    misses = tries - hits
    low, high = _interval(hits, misses)
    came = hits / tries
    error = np.abs(came - due)
    # as far as the interval reaches towards what is due
    bound = np.where(came < due, high - came, came - low)
    worst = int(np.argmax(error - bound))
    return Odds(float(error[worst]), float(bound[worst]))


def _interval(hits: np.ndarray, misses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities under which so many hits, or so few, are not too rare."""
    tail = ALPHA / 2
    # of no hits and of no misses there is no such function: the range of shares ends there
    low = special.betaincinv(np.maximum(hits, 1), misses + 1, tail)
    high = special.betainccinv(hits + 1, np.maximum(misses, 1), tail)
    return np.where(hits > 0, low, 0.0), np.where(misses > 0, high, 1.0)


def dispersion(rows: np.ndarray, due: float) -> Odds:
    """The variance of the rows' counts of yes, relative to that of independent answers."""
    count, length = rows.shape
    variance = length * due * (1 - due)
    counts = rows.sum(axis=1)
    ratio = float(np.square(counts - length * due).mean()) / variance
    # the fourth moment of a binomial number gives the square of the standard error
    rough = (2 + 1 / variance - 6 / length) / count
    # squares are skewed: Laurent and Massart's bound for their mean
    bound = (2 * SELDOM * rough) ** 0.5 + SELDOM * rough
    return Odds(abs(ratio - 1), bound)


def mean(sample: np.ndarray, due: Law) -> Odds:
    """The mean, in standard deviations."""
    off = abs(float(sample.mean()) - due.mean)
    return Odds(off / due.deviation, Z / sample.size**0.5)


def spread(sample: np.ndarray, due: Law) -> Odds:
    """The standard deviation around the mean that is due, relative to the one that is due."""
    squares = np.square(sample - due.mean)
    root = float(squares.mean()) ** 0.5
    # the standard error of a mean of squares, of whose root it is half as much
    rough = ((due.kurtosis - 1) / sample.size) ** 0.5
    return Odds(abs(root / due.deviation - 1), Z * rough / 2)


def distance(sample: np.ndarray, due: Law) -> Odds:
    """Kolmogorov and Smirnov's largest distance between both distribution functions."""
    below = due.below(np.sort(sample, axis=None))
    steps = np.arange(sample.size + 1) / sample.size
    # what came is a staircase, which is farthest at the foot of a step or at its head
    over = float((steps[1:] - below).max())
    under = float((below - steps[:-1]).max())
    bound = float(special.kolmogi(ALPHA)) / sample.size**0.5
    return Odds(max(over, under), bound)

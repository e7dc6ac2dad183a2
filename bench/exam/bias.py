"""Whether results in a half are right on average, where each may be off by a rounding.

A half has two or three digits: what is off by less passes for rounding, in each result alone.
Roundings have no common sign, so that the mean of hundreds tells another function from them:
the tanh form of GELU from the exact one, a constant of three digits, a factor of 1.01.
Results are sorted by what is due, and each block of neighbours has a mean error of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backends.numpy.dice import DIGITS

LEAST = 4096  # results; fewer have no mean to speak of
BLOCKS = 16
# Of a mean's standard error: some 10^5 blocks are judged in sixty exams, and errors of few
# distinct sizes have longer tails than a normal distribution.
DEVIATIONS = 7.0
# Times what NumPy is off by, op by op in the half, on average and in mean square: parts in
# another order are off by more. Where a few numbers are computed for many results, as from
# the statistics of a channel, their few roundings may be twice as large by chance.
FACTORS = {True: (3.0, 1.5), False: (8.0, 5.0)}
# Of the spacing of the type: what a mean may be off by where all of a block round alike, and
# the mean square of results that are rounded a second time now and then.
FLOOR, FLOOR_SQUARE = 1 / 64, 1 / 4


@dataclass(frozen=True)
class Bias:
    """The mean error of the worst block against its bound, relative to its largest result."""

    error: float
    bound: float


def judged(
    came: np.ndarray,
    due: np.ndarray,
    halves: Sequence[np.ndarray],
    dtype: str,
    *,
    alike: bool,
) -> Bias | None:
    """The block whose error is furthest above its bound; None of too few results.

    `due` is exact, `halves` are what NumPy gives op by op in the half. Where all operands have
    the shape of the result they are `alike`: no rounding is common to many results.
    """
    if due.size < LEAST or dtype not in DIGITS:
        return None
    exact = np.asarray(due, np.float64).ravel()
    # what rounds perfectly is right to the last bit, wherever it lies between two numbers
    held = exact.astype(dtype).astype(np.float64)
    own, *roughs = (
        np.asarray(run, np.float64).ravel() - held for run in (came, *halves)
    )
    order = np.argsort(exact, kind="stable")
    order = order[np.isfinite(held + own + sum(roughs))[order]]
    own = _unscaled(own, exact, order, dtype)
    found: list[Bias] = []
    for block in np.array_split(order, BLOCKS):
        if len(block):
            near = [rough[block] for rough in roughs]
            found += _block(own[block], near, exact[block], dtype, alike)
    return max(found, key=lambda one: one.error / one.bound, default=None)


def _unscaled(
    own: np.ndarray, exact: np.ndarray, order: np.ndarray, dtype: str
) -> np.ndarray:
    """Errors without a common factor of one rounding: a constant that was written in the half."""
    power = float(np.square(exact[order]).sum())
    if not power:
        return own
    factor = float((own[order] * exact[order]).sum()) / power
    most = 2.0 ** -DIGITS[dtype]
    return own - np.clip(factor, -most, most) * exact


def _block(
    own: np.ndarray,
    roughs: Sequence[np.ndarray],
    exact: np.ndarray,
    dtype: str,
    alike: bool,
) -> list[Bias]:
    size = float(np.abs(exact).max()) or 1.0
    count = len(own)
    scatter = float(own.std())
    # of errors that are rare, the largest decides how far the mean may be off by chance
    rare = float(np.abs(own).max()) / count
    chance = DEVIATIONS * (scatter / np.sqrt(count) + rare)
    spacing = size * 2.0 ** (1 - DIGITS[dtype])
    # What scatters less than op by op is computed more finely, and has no right to its bias.
    natural = max(
        abs(float(rough.mean()))
        * (min(1.0, _share(scatter, float(rough.std()))) if alike else 1.0)
        for rough in roughs
    )
    mean, square = FACTORS[alike]
    nearest, _, growing = roughs  # dice round twice as far
    wide = square * max(_rms(nearest), _rms(growing)) + FLOOR_SQUARE * spacing
    bound = chance + mean * natural + FLOOR * spacing
    return [
        Bias(abs(float(own.mean())) / size, bound / size),
        Bias(_rms(own) / size, wide / size),
    ]


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x))))

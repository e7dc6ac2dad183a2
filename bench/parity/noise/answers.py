"""Drawn noise as answers of yes and no, and how often two of them are alike.

Yes is an entry that a mask keeps, or a number above the mean that is due. Whatever the noise,
two independent answers are alike with a known probability, so that one exact test finds masks
that come again, rows that share a draw, and streams that meet.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from bench.parity.noise import odds
from bench.parity.noise.odds import Odds
from bench.parity.noise.patterns import Pattern

# Entries of an axis from one draw to the one it is held against.
STEPS = (*range(1, 9), *(2**i for i in range(4, 20)))
NOTHING = Odds(0.0, 0.0)  # to object to, where there is nothing to compare
LONG = 32  # draws of a row that is counted: a few may be anything
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Reading:
    """How draws of one pattern are read."""

    pattern: Pattern

    @property
    def masks(self) -> bool:
        """Whether it is drawn in zeros and ones."""
        return self.pattern.noise.kind == "bernoulli"

    @property
    def law(self) -> odds.Law:
        """The distribution of what is no mask."""
        return odds.law(self.pattern.noise.kind, self.pattern.noise.number)

    @property
    def likely(self) -> float:
        """The probability of a yes."""
        return self.pattern.noise.number if self.masks else 0.5

    @property
    def alike(self) -> float:
        """The probability that two answers are alike."""
        return self.likely**2 + (1 - self.likely) ** 2

    def yes(self, values: np.ndarray) -> np.ndarray:
        """Numbers as answers."""
        return values != 0 if self.masks else values > self.law.mean

    def draws(self, values: np.ndarray) -> np.ndarray:
        """The first entry of all that share a draw: (calls, copies, draws)."""
        first = values
        for axis in self.pattern.shared:
            # behind the axes of calls and copies
            first = first.take([0], axis=2 + axis)
        return first.reshape(*values.shape[:2], -1)

    def answers(self, values: np.ndarray) -> np.ndarray:
        """One answer for each draw: (calls, copies, draws)."""
        return self.yes(self.draws(values))

    def uneven(self, values: np.ndarray) -> float:
        """The share of entries that differ from the first that shares their draw."""
        yes = self.yes(values)
        shape = list(values.shape)
        for axis in self.pattern.shared:
            shape[2 + axis] = 1
        first = self.answers(values).reshape(shape)
        return float((yes != first).mean())

    def places(self, answers: np.ndarray) -> Odds:
        """A yes is as likely in every call, every noise of it, and at every place of an axis."""
        parts = self._unrolled(answers)
        found = []
        for axis, length in enumerate(parts.shape):
            rows = np.moveaxis(parts, axis, 0).reshape(length, -1)
            if rows.shape[1] >= LONG:
                found.append(odds.share(rows.sum(axis=1), rows.shape[1], self.likely))
        return _worst(found)

    def spreads(self, answers: np.ndarray) -> Odds:
        """Rows of each axis have more and less of a yes, as chance would have it.

        Relative to the variance that is due; the worst of all axes.
        """
        parts = self._unrolled(answers)
        found = []
        for axis in range(2, parts.ndim):
            rows = np.moveaxis(parts, axis, 2)
            rows = rows.reshape(-1, math.prod(rows.shape[3:]))
            if rows.shape[1] >= LONG:
                found.append(odds.dispersion(rows, self.likely))
        return _worst(found)

    def neighbours(self, answers: np.ndarray) -> Odds:
        """Draws of one call that lie some entries apart; no draw is in two pairs."""
        draws = answers.shape[-1]
        rows = answers.reshape(-1, draws)
        found: list[Pair] = []
        for lag in self._lags(draws):
            # blocks of twice the lag, each half against the other
            whole = draws - draws % (2 * lag)
            blocks = rows[:, :whole].reshape(len(rows), -1, 2, lag)
            found.append((blocks[:, :, 0], blocks[:, :, 1]))
        return self.compared(found)

    def nodes(self, answers: np.ndarray) -> Odds:
        """The noises of one call."""
        return self.compared((one, other) for one, other in answers)

    def calls(self, answers: np.ndarray) -> Odds:
        """Every two calls, across nodes too: streams that are numbered by both may meet."""
        pairs = combinations(answers, 2)
        return self.compared(both for two in pairs for both in product(*two))

    def strangers(self, answers: np.ndarray, other: np.ndarray) -> Odds:
        """The first call of another against all calls of this one."""
        return self.compared(
            both for call in answers for both in product(call, other[0])
        )

    def compared(self, pairs: Iterable[Pair]) -> Odds:
        """The least likely of some pairs."""
        same = [one == other for one, other in pairs]
        if not same:
            return NOTHING
        hits = np.array([int(one.sum()) for one in same])
        tries = np.array([one.size for one in same])
        return odds.share(hits, tries, self.alike)

    @property
    def _own(self) -> list[int]:
        """How many draws there are along each axis."""
        return [
            1 if axis in self.pattern.shared else length
            for axis, length in enumerate(self.pattern.bound)
        ]

    def _unrolled(self, answers: np.ndarray) -> np.ndarray:
        """By calls, copies, and the axes of the draws."""
        return answers.reshape(*answers.shape[:2], *self._own)

    def _lags(self, draws: int) -> list[int]:
        """Steps along every axis, in entries of all axes laid in a row."""
        own = self._own
        strides = [math.prod(own[axis + 1 :]) for axis in range(len(own))]
        lags = {stride * step for stride in strides for step in STEPS}
        return sorted(lag for lag in lags if 2 * lag <= draws)


def _worst(found: Sequence[Odds]) -> Odds:
    return max(found, key=lambda odd: odd.error - odd.bound, default=NOTHING)

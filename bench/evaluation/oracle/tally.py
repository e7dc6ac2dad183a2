"""The largest difference of many arrays from what was due, and where it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.oracle.checks import apart, check
from bench.parity import budget
from bench.records import Check

Array = NDArray[np.floating]
# Root mean squares in a half, of all joints of many windows, against those of NumPy with its
# results rounded to the half: of four models on three frameworks they were 0.5 to 1.35 times as
# large, short trainings and long ones. Another half is 8 times as rough, or an eighth.
TIMES, SHARE = 2.5, 0.2
LEAST = 2**-9  # half a rounding of bfloat16, for a network that rounding hardly moves


@dataclass
class Tally:
    """Arrays held against the oracle's, one after the other."""

    error: float = 0.0
    where: str = "nowhere"
    largest: float = 0.0  # of what was due
    rough: float = 0.0  # error of plain float32 NumPy
    apart: float = 0.0  # squares of the differences
    square: float = 0.0  # squares of what was due
    product: float = 0.0  # of what came and what was due
    strayed: float = 0.0  # squares of the rough ones' differences
    expected: float = 0.0  # squares of what they should have been

    def add(self, came: Array, due: Array, where: str) -> None:
        """Hold one array against another."""
        error = apart(came, due)
        if error > self.error:
            self.error, self.where = error, where
        self.largest = max(self.largest, float(np.abs(due).max(initial=0.0)))
        if np.isfinite(error):
            self.apart += float(((came - due) ** 2).sum())
            self.square += float((due * due).sum())
            self.product += float((came * due).sum())

    def strays(self, rough: Array, due: Array, least: float = 0.0) -> None:
        """How far rounding takes one array from its value: the yardstick of the budget.

        It is at least `least`: of few numbers all may be rounded by luck.
        """
        self.rough = max(self.rough, apart(rough, due), least)
        self.strayed += float(((rough - due) ** 2).sum())
        self.expected += float((due * due).sum())

    @property
    def relative(self) -> float:
        """The largest error by the largest value due."""
        return self.error / (self.largest or 1.0)

    @property
    def spread(self) -> float:
        """Root mean square of the errors by that of what was due."""
        if not np.isfinite(self.error):
            return self.error
        return float(np.sqrt(self.apart / (self.square or 1.0)))

    @property
    def growth(self) -> float:
        """By how much what came is larger than what was due, on the whole."""
        return self.product / self.square - 1 if self.square else 0.0

    def bound(self, kind: str) -> float:
        """What the budget of float32 allows; `kind` is one of its table."""
        return budget.bound(kind, self.rough / (self.largest or 1.0))

    @property
    def usual(self) -> float:
        """The spread of the rough arrays, where all were held in them, too."""
        return float(np.sqrt(self.strayed / (self.expected or 1.0)))

    def check(
        self,
        kind: str,
        name: str,
        *,
        budgeted: str,
        graph: str = "infer",
        millimetres: float | None = None,
    ) -> Check:
        """All of them as one check in float32; `budgeted` is the kind in the budget's table."""
        return check(
            kind,
            name,
            self.relative,
            self.bound(budgeted),
            graph=graph,
            millimetres=millimetres,
            note=f"the largest at {self.where}",
        )

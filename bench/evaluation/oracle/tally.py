"""The largest difference of many arrays from what was due, and where it was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.evaluation.oracle.checks import apart, check
from bench.parity import budget
from bench.records import Check

Array = NDArray[np.floating]
# Of the pose's size. The roundings of bfloat16 alone, 4e-3 each, may add up to this; more is
# another pose to whoever looks at it, whatever a scaled budget would allow.
MOST = 0.05
DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass
class Tally:
    """Arrays held against the oracle's, one after the other."""

    error: float = 0.0
    where: str = "nowhere"
    largest: float = 0.0  # of what was due
    rough: float = 0.0  # error of plain float32 NumPy

    def add(self, came: Array, due: Array, where: str) -> None:
        """Hold one array against another."""
        error = apart(came, due)
        if error > self.error:
            self.error, self.where = error, where
        self.largest = max(self.largest, float(np.abs(due).max(initial=0.0)))

    def strays(self, rough: Array, due: Array) -> None:
        """How far float32 takes one array from its value: the yardstick of the budget."""
        self.rough = max(self.rough, apart(rough, due))

    @property
    def relative(self) -> float:
        """The largest error by the largest value due."""
        return self.error / (self.largest or 1.0)

    def bound(self, kind: str, precision: str = "fp32") -> float:
        """What the budget allows of that, never more than a twentieth."""
        yardstick = self.rough / (self.largest or 1.0)
        allowed = budget.bound(kind, yardstick, dtype=DTYPES[precision])
        return min(allowed, MOST)

    def check(
        self,
        kind: str,
        name: str,
        *,
        budgeted: str,
        precision: str = "fp32",
        graph: str = "infer",
        millimetres: float | None = None,
    ) -> Check:
        """All of them as one check; `budgeted` is the kind of number in the budget's table."""
        return check(
            kind,
            name,
            self.relative,
            self.bound(budgeted, precision),
            graph=graph,
            millimetres=millimetres,
            note=f"the largest at {self.where}",
        )

"""Predictions of windows as one pose for each scored frame.

The first that came, or the mean of all windows that predict it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.data.batches.padded import Index
from bench.data.batches.rows import Array
from bench.data.batches.windows import Windows


class First:
    """Keeps the predictions (B, K, J, C) that are new, as `Windows.places` says.

    Of several `hypotheses`, (B, K, H, J, C).
    """

    def __init__(
        self,
        windows: Windows,
        *,
        hypotheses: int = 0,
        coordinates: int = 3,
        points: int | None = None,
    ) -> None:
        self.windows = windows
        several = (hypotheses,) if hypotheses else ()
        # the joints, where it is not said how many
        count = len(windows.skeleton.joints) if points is None else points
        shape = (windows.scored, *several, count, coordinates)
        # not zeros: each scored frame comes exactly once, and so all is written
        self._poses = np.empty(shape, dtype=np.float32)

    def add(self, indices: Sequence[int] | Index, pose: Array) -> None:
        """Take in the predictions (B, K, J, C) of the windows `indices` (B,)."""
        places = self.windows.places(indices)
        self._poses[places[places >= 0]] = pose[places >= 0]

    def result(self) -> Array:
        """The prediction of every scored frame (M, J, C), or (M, H, J, C)."""
        return self._poses


class Mean:
    """Sums predictions (B, K, J, 3) frame by frame; `result` divides by how many there were.

    Of several `hypotheses`, (B, K, H, J, 3), each is averaged with those of its number.
    """

    def __init__(self, windows: Windows, *, hypotheses: int = 0) -> None:
        self.windows = windows
        several = (hypotheses,) if hypotheses else ()
        shape = (windows.scored, *several, len(windows.skeleton.joints), 3)
        # summed as predictions come: to keep them all would take K times the memory
        self._sum: Array = np.zeros(shape, dtype=np.float32)
        self._count = np.zeros(windows.scored, dtype=np.int32)

    def add(self, indices: Sequence[int] | Index, pose: Array) -> None:
        """Take in the predictions (B, K, J, 3) of the windows `indices` (B,), each once."""
        places = self.windows.places(indices, repeats=True)
        # windows start at different frames, so within one output no place comes twice; where one
        # did, `+=` by an array of places would count it once
        for output in range(places.shape[1]):
            place = places[:, output]
            keep = place >= 0
            self._sum[place[keep]] += pose[keep, output]
            self._count[place[keep]] += 1

    def result(self) -> Array:
        """The mean prediction of every scored frame (M, J, 3), or (M, H, J, 3)."""
        # a count of integers would make the quotient float64
        count = self._count.astype(np.float32)
        return self._sum / count.reshape(-1, *(1,) * (self._sum.ndim - 1))

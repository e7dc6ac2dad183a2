"""An array that grows a clip at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# rows that are made ready, over those that are needed: few growths, little memory
SPARE = 1.05


class Rows:
    """Float32 rows (any, width), added without a second copy of those that are there.

    The block of memory itself grows.
    """

    def __init__(self, width: int) -> None:
        self._rows = np.empty((0, width), dtype=np.float32)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def add(self, count: int) -> Array:
        """`count` new rows, to be written before any other call: growing may move the memory."""
        start = self._used
        self._used += count
        if self._used > len(self._rows):
            room = max(self._used, int(SPARE * len(self._rows)))
            # views of before may be alive, but nobody reads them again
            self._rows.resize((room, self._rows.shape[1]), refcheck=False)
        return self._rows[start : self._used]

    def finish(self) -> Array:
        """All rows, and no spare ones; nothing can be added any more."""
        self._rows.resize((self._used, self._rows.shape[1]), refcheck=False)
        return self._rows

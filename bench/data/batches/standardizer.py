"""(x - mean) / std per joint and coordinate, fitted on training data.

As Martinez et al. (2017) feed their network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput

Array = NDArray[np.float32]

# Of a standard deviation, metres or the screen's unit: half a pixel of a thousand. What varies less
# is divided by 1: magnified, a joint that stands still would send the next clip's far away.
STILL = 1e-3


@dataclass(frozen=True, eq=False)
class Standardizer:
    """mean and std, both (joints, coordinates) float32.

    A coordinate that never varies, like the root's, has std 1.
    """

    mean: Array
    std: Array

    def apply(self, values: Array) -> Array:
        """Standardised values, (..., joints, coordinates)."""
        return (values - self.mean) / self.std

    def invert(self, values: Array, *, coordinates: int | None = None) -> Array:
        """Undo `apply`; of the first coordinates alone, where values have no more."""
        return values * self.std[..., :coordinates] + self.mean[..., :coordinates]

    def arrays(self) -> dict[str, Array]:
        """What to keep in a checkpoint."""
        return {"mean": self.mean, "std": self.std}


def fit(values: Array) -> Standardizer:
    """Fit on (..., joints, coordinates), with float64 sums.

    Raises BadInput for no values or values that are not finite.
    """
    rows = values.reshape(-1, *values.shape[-2:])
    if not len(rows):
        raise BadInput(
            "standardizer: no values to fit on; give at least one training frame"
        )
    # float32 sums of a million frames would lose the digits that std is made of
    mean = rows.mean(axis=0, dtype=np.float64)
    std = rows.std(axis=0, dtype=np.float64)
    if not (np.isfinite(mean).all() and np.isfinite(std).all()):
        raise BadInput(
            "standardizer: the values to fit on are not all finite; repair the data"
        )
    # to divide by what never varies would make noise of rounding errors
    std = np.where(std < STILL, 1.0, std)
    return Standardizer(mean.astype(np.float32), std.astype(np.float32))


def from_arrays(arrays: Mapping[str, Array]) -> Standardizer:
    """Undo `Standardizer.arrays`.

    Raises BadInput when one is missing or the shapes differ.
    """
    if (
        not {"mean", "std"} <= arrays.keys()
        or arrays["mean"].shape != arrays["std"].shape
    ):
        raise BadInput(
            f"standardizer: arrays {sorted(arrays)} came where mean and std of one shape"
            " were due"
        )
    return Standardizer(
        arrays["mean"].astype(np.float32),
        arrays["std"].astype(np.float32),
    )

"""In which order a sum is taken: of one large number and ones that it swallows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray
COUNT = 4096
LARGE = 2.0**24  # to which float32 adds no 1
LANES = (1, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def _pairwise(x: Array, **_: Any) -> Array:
    return np.asarray(x.astype(np.float32).sum(), np.float64)


def _exact(x: Array, **_: Any) -> Array:
    return np.asarray(x.sum(dtype=np.float64))


def _in_lanes(lanes: int) -> Callable[..., Array]:
    """Every so manyeth number into one of so many sums, which are added up in the end."""

    def gives(x: Array, **_: Any) -> Array:
        rows = x.astype(np.float32).reshape(-1, lanes)
        sums = np.zeros(lanes, np.float32)
        for row in rows:
            sums = sums + row
        # halves upon halves, as vectors are folded
        while len(sums) > 1:
            sums = sums[: len(sums) // 2] + sums[len(sums) // 2 :]
        return np.asarray(sums[0], np.float64)

    return gives


def _with(at: int) -> Input:
    x = np.ones(COUNT, np.float32)
    x[at] = LARGE
    return Input("sum", (x,), {"axis": (0,), "keepdims": False})


def _lanes(count: int) -> Variant:
    name = "sequential" if count == 1 else f"lanes_{count}"
    formula = "one after the other" if count == 1 else f"in {count} sums side by side"
    return Variant(name, formula, "loops, vector units, GPU blocks", _in_lanes(count))


PROBE = OpProbe(
    about="order of a sum",
    # at the start, and where lanes and blocks lose another number of ones
    inputs=(_with(0), _with(100)),
    less=LARGE,
    open="the language sets no order: sums are held to what rounding may lose",
    variants=(
        Variant(
            "pairwise", "blocks of 128, 8 sums each, then pairs", "NumPy", _pairwise
        ),
        Variant("exact", "in more than float32", "float64 or compensated", _exact),
        *map(_lanes, LANES),
    ),
)

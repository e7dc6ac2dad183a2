"""What the largest element is where one of them is NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray


def _ignored(x: Array, **_: Any) -> Array:
    return np.fmax.reduce(x, axis=1)


def _first(x: Array, **_: Any) -> Array:
    found = x[:, 0]
    for column in x.T[1:]:
        found = np.where(column > found, column, found)
    return found


def _last(x: Array, **_: Any) -> Array:
    found = x[:, 0]
    for column in x.T[1:]:
        found = np.where(found > column, found, column)
    return found


NAN = np.nan
X = np.array([[NAN, 1, 3], [1, NAN, 3], [3, NAN, 1], [1, 3, NAN]], np.float32)
PROBE = OpProbe(
    about="NaN in a largest element",
    inputs=(Input("max", (X,), {"axis": (1,), "keepdims": False}),),
    numbers="of NaN and infinity",
    variants=(
        Variant("propagates", "NaN wherever one is", "torch, NumPy, TF, JAX"),
        Variant("ignored", "the largest of the others", "NumPy's fmax, CUDA", _ignored),
        Variant(
            "kept_first", "y > x ? y : x: NaN where it is first", "C loops", _first
        ),
        Variant("kept_last", "x > y ? x : y: NaN where it is last", "SSE's max", _last),
    ),
)

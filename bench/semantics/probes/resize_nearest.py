"""Which element stands nearest where an axis is resized."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import drawn
from bench.semantics.variants import Variant

Array = np.ndarray


def _half_pixel(x: Array, *, axis: int, length: int, mode: str) -> Array:
    places = np.floor((np.arange(length) + 0.5) * x.shape[axis] / length)
    return x.take(places.astype(int), axis)


def _corners(x: Array, *, axis: int, length: int, mode: str) -> Array:
    places = np.arange(length) * (x.shape[axis] - 1) / (length - 1)
    return x.take(np.floor(places + 0.5).astype(int), axis)


def _to(length: int) -> dict[str, int | str]:
    return {"axis": 1, "length": length, "mode": "nearest"}


PROBE = OpProbe(
    about="alignment of nearest resizing",
    inputs=(
        Input("resize", (drawn(2, 5),), _to(8)),
        Input("resize", (drawn(2, 7),), _to(3)),
    ),
    variants=(
        Variant("floor", "x[floor(i n / m)]", "torch's nearest, TF1"),
        Variant(
            "half_pixel",
            "x[floor((i + 1/2) n / m)]",
            "torch's nearest-exact, TF2, Pillow",
            _half_pixel,
        ),
        Variant("align_corners", "x[round(i (n-1) / (m-1))]", "TF1's option", _corners),
    ),
)

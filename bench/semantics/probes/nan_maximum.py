"""What the larger of two numbers is where one is NaN."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray


def _second(x: Array, y: Array) -> Array:
    return np.where(x > y, x, y)


def _first(x: Array, y: Array) -> Array:
    return np.where(y > x, y, x)


NAN = np.nan
X = np.array([NAN, 1, NAN, 2], np.float32)
Y = np.array([1, NAN, NAN, 3], np.float32)
PROBE = OpProbe(
    about="NaN in the larger of two",
    inputs=(Input("maximum", (X, Y)),),
    numbers="of NaN and infinity",
    variants=(
        Variant("propagates", "NaN where either is", "torch, NumPy, TF, JAX"),
        Variant("ignored", "the other one", "NumPy's fmax, C's fmax, CUDA", np.fmax),
        Variant("second", "x > y ? x : y", "SSE's maxps", _second),
        Variant("first", "y > x ? y : x", "C++'s std::max", _first),
    ),
)

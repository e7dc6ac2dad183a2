"""How a float becomes a whole number."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray


def _floored(x: Array, *, dtype: str) -> Array:
    return np.floor(x).astype(dtype)


def _even(x: Array, *, dtype: str) -> Array:
    return np.rint(x).astype(dtype)


def _away(x: Array, *, dtype: str) -> Array:
    return (np.sign(x) * np.floor(np.abs(x) + 0.5)).astype(dtype)


X = np.array([-2.7, -2.5, -1.5, -0.2, 0.5, 1.5, 2.5, 2.7], np.float32)
PROBE = OpProbe(
    about="rounding of a float that becomes a whole number",
    inputs=(Input("astype", (X,), {"dtype": "int64"}),),
    variants=(
        Variant("truncated", "towards 0", "C; torch, TF, JAX, ONNX"),
        Variant("floored", "downwards", "shifts of fixed point", _floored),
        Variant("to_even", "to the nearest, ties to even", "IEEE 754's default", _even),
        Variant("away", "to the nearest, ties away from 0", "C's lround", _away),
    ),
)

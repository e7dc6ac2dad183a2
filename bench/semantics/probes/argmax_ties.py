"""Which of equal elements is the largest one's place."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray


def _last(x: Array, **_: Any) -> Array:
    return x.shape[1] - 1 - x[:, ::-1].argmax(1)


X = np.array([[2, 3, 3, 1, 3], [4, 0, 4, 0, 0]], np.float32)
PROBE = OpProbe(
    about="place of the largest among equals",
    inputs=(Input("argmax", (X,), {"axis": 1, "keepdims": False}),),
    variants=(
        Variant("first", "the first of them", "NumPy, torch, TF, JAX, ONNX"),
        Variant("last", "the last of them", "ONNX's select_last_index", _last),
    ),
)

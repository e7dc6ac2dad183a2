"""Where eps stands in batch norm, at inference."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import EPS, SMALL, drawn, own
from bench.semantics.variants import Variant

Array = np.ndarray


def _outside(x: Array, *rows: Array, eps: float, **_: Any) -> Array:
    weight, bias, mean, var = rows
    return (x - mean) / (np.sqrt(var) + eps) * weight + bias


VAR = np.array([1.0, 2.0, 0.5], np.float32) * np.float32(SMALL**2)
ROWS = (drawn(3), drawn(3) / 4, drawn(3, scale=SMALL), VAR)
OWN = {1e-3: "Keras, TF1 layers (Martinez)", 1e-5: "torch, Flax, ONNX"}
PROBE = OpProbe(
    about="place of eps in batch norm",
    inputs=(Input("batch_norm", (drawn(4, 3, scale=SMALL), *ROWS), {"eps": EPS}),),
    variants=(
        Variant("inside", "(x - m) / sqrt(v + eps)", "Ioffe and Szegedy 2015; torch"),
        Variant("outside", "(x - m) / (sqrt(v) + eps)", "ports by hand", _outside),
        *own("batch_norm", OWN),
    ),
)

"""What a division of whole numbers gives."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray


def _floored(x: Array, y: Array) -> Array:
    return x // y


def _truncated(x: Array, y: Array) -> Array:
    return np.trunc(x / y)


X, Y = np.array([-7, 7, -6, 9]), np.array([2, 2, 4, -4])
PROBE = OpProbe(
    about="division of whole numbers",
    inputs=(Input("divide", (X, Y)),),
    open="the language divides floats: whole numbers are cast first",
    variants=(
        Variant("true", "7 / 2 = 3.5", "torch's div, tf.divide, NumPy"),
        Variant("floored", "-7 / 2 = -4", "Python's //, tf.math.floordiv", _floored),
        Variant("truncated", "-7 / 2 = -3", "C; ONNX Div, jax.lax.div", _truncated),
    ),
)

"""Whether the kernel of a transposed convolution is turned round."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import drawn
from bench.semantics.variants import Variant
from models import ops

Array = np.ndarray


def _turned(x: Array, weight: Array, **rest: Any) -> Array:
    return ops.get("conv_transpose").reference(x, weight[..., ::-1], **rest)


def _swapped(x: Array, weight: Array, **rest: Any) -> Array:
    return ops.get("conv_transpose").reference(x, weight.swapaxes(0, 1), **rest)


NUMBERS = {"stride": (2,), "dilation": (1,), "padding": (1,), "length": (6,)}
PROBE = OpProbe(
    about="direction and layout of a transposed convolution's kernel",
    inputs=(Input("conv_transpose", (drawn(2, 3, 3), drawn(3, 3, 4)), NUMBERS),),
    variants=(
        Variant("gradient", "y[t s + k - p] += w[o, i, k] x[o, t]", "torch, TF, ONNX"),
        Variant(
            "turned",
            "the kernel from its end",
            "jax.lax.conv_transpose, transpose_kernel false",
            _turned,
        ),
        Variant("swapped", "w[i, o, k] for w[o, i, k]", "a layout mistaken", _swapped),
    ),
)

"""Whether the kernel of a convolution is turned round."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import drawn
from bench.semantics.variants import Variant
from models import ops

Array = np.ndarray


def _turned(x: Array, weight: Array, **rest: Any) -> Array:
    return ops.get("conv").reference(x, weight[..., ::-1], **rest)


def _swapped(x: Array, weight: Array, **rest: Any) -> Array:
    return ops.get("conv").reference(x, weight.swapaxes(0, 1), **rest)


NUMBERS = {"stride": (1,), "dilation": (1,), "padding": (0,)}
PROBE = OpProbe(
    about="direction and layout of a convolution's kernel",
    # as many filters as channels: what is swapped still fits
    inputs=(Input("conv", (drawn(2, 3, 6), drawn(3, 3, 3)), NUMBERS),),
    variants=(
        Variant("correlation", "sum w[o, i, k] x[i, t + k]", "torch, TF, JAX, ONNX"),
        Variant("convolution", "sum w[o, i, k] x[i, t - k]", "SciPy, Theano", _turned),
        Variant("swapped", "w[i, o, k] for w[o, i, k]", "a layout mistaken", _swapped),
    ),
)

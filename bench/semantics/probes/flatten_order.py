"""In which order a reshape counts."""

from __future__ import annotations

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.variants import Variant

Array = np.ndarray
Ints = tuple[int, ...]


def _columns(x: Array, *, shape: Ints) -> Array:
    return x.reshape(shape, order="F")


def _channels_last(x: Array, *, shape: Ints) -> Array:
    return np.moveaxis(x, 1, -1).reshape(shape)


# four axes: of three, the last two variants would be one
X = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)
PROBE = OpProbe(
    about="order of a flatten",
    inputs=(Input("reshape", (X,), {"shape": (2, 12)}),),
    variants=(
        Variant("row_major", "the last axis counts fastest", "torch, TF, JAX, ONNX"),
        Variant("column_major", "the first axis", "MATLAB, R, Julia's Flux", _columns),
        Variant(
            "channels_last",
            "channels counted fastest",
            "Keras's Flatten on NHWC, weights of NCHW",
            _channels_last,
        ),
    ),
)

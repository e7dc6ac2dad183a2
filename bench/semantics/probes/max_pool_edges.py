"""What a pool sees beyond the ends, and how many windows there are."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.semantics.of_op import Input, OpProbe
from bench.semantics.probes._eps import drawn
from bench.semantics.probes.conv_padding import beside, same
from bench.semantics.variants import Variant
from models import ops

Array = np.ndarray
Ints = tuple[int, ...]
LEAST = float("-inf")


def _pooled(x: Array, **rest: Any) -> Array:
    return ops.get("max_pool").reference(x, padding=(0,), **rest)


def _zeros(x: Array, *, padding: Ints, **rest: Any) -> Array:
    return _pooled(beside(x, padding[0], padding[0]), **rest)


def _same(x: Array, *, kernel: Ints, stride: Ints, padding: Ints, **rest: Any) -> Array:
    ends = same(x.shape[-1], kernel[0], stride[0])
    padded = beside(x, *ends, constant_values=LEAST)
    return _pooled(padded, kernel=kernel, stride=stride, **rest)


def _ceiled(x: Array, *, stride: Ints, padding: Ints, **rest: Any) -> Array:
    # what a last stride leaves is a window, too
    more = padding[0] + stride[0] - 1
    padded = beside(x, padding[0], more, constant_values=LEAST)
    return _pooled(padded, stride=stride, **rest)


# below 0, so that a zero outside would win
X = -1 - np.abs(drawn(2, 2, 6))
NUMBERS = {"kernel": (3,), "stride": (2,), "padding": (1,), "dilation": (1,)}
PROBE = OpProbe(
    about="ends and count of a pool's windows",
    inputs=(Input("max_pool", (X,), NUMBERS),),
    variants=(
        Variant("never", "-inf outside, windows counted down", "torch, ONNX"),
        Variant("zeros", "0 outside", "ports by pad and pool", _zeros),
        Variant(
            "same", "-inf, the odd one at the end", "SAME of TF, Keras, JAX", _same
        ),
        Variant("ceiled", "windows counted up", "Caffe; ceil_mode of torch", _ceiled),
    ),
)

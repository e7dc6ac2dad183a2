"""Kernels that move a window over space: convolution, its transpose, and pooling."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from backends.onnx import products
from backends.onnx.nodes import Ints, Writer
from models.dims import Shape


def conv(
    w: Writer,
    x: str,
    weight: str,
    *bias: str,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
) -> str:
    strides = stride, dilation, padding
    if counts := products.steps(w, x, weight, strides):
        return products.conv(w, x, weight, *bias, strides=strides, counts=counts)
    pads = padding * 2  # all that is before, then all that is after
    return w.node(
        "Conv",
        x,
        weight,
        *bias,
        strides=stride,
        dilations=dilation,
        pads=pads,
    )


def conv_transpose(
    w: Writer,
    x: str,
    weight: str,
    *,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
    length: Shape,
) -> str:
    space = w.type(x).shape[2:], w.type(weight).shape[2:]
    sizes = zip(length, *space, stride, dilation, padding, strict=True)
    # steps at the end that no stride reached; a number even where lengths are symbolic,
    # since those divide exactly
    extra = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, k, s, d, p in sizes]
    if (
        counts := products.apart(w, x, weight, (stride, dilation, padding))
    ) and not any(extra):
        return products.conv_transpose(w, x, weight, counts)
    return w.node(
        "ConvTranspose",
        x,
        weight,
        strides=stride,
        dilations=dilation,
        pads=padding * 2,
        output_padding=extra,
    )


def max_pool(
    w: Writer,
    x: str,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> str:
    largest = w.node(
        "MaxPool",
        x,
        kernel_shape=kernel,
        strides=stride,
        pads=padding * 2,
        dilations=dilation,
    )
    if any(p and d > 1 for p, d in zip(padding, dilation, strict=True)):
        return _outside(w, largest, np.dtype(w.type(x).dtype))
    return largest


def _outside(w: Writer, x: str, dtype: np.dtype) -> str:
    """Minus infinity where a window lay outside altogether, as one with gaps can.

    ONNX Runtime begins its search at the lowest number there is.
    """
    lowest = w.constant(np.array(ml_dtypes.finfo(dtype).min, dtype))
    nothing = w.constant(np.array(-np.inf, dtype))
    return w.node("Where", w.node("Equal", x, lowest), nothing, x)

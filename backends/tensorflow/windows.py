"""Kernels that move a window over space: convolution and its transpose."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow import Tensor

from backends.tensorflow.adapt import Axes
from backends.tensorflow.layout import (
    channels_first,
    channels_last,
    crop,
    dilated,
    doubled,
    filters,
)

# by the number of spatial axes
_FORMATS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
) -> Tensor:
    if max(stride) > 1 and max(dilation) > 1:
        # TensorFlow refuses both at once
        weight, dilation = dilated(weight, dilation), (1,) * len(dilation)
    space = _FORMATS[len(stride)]
    if weight.shape[1] == 1 and stride[-1] > 1:
        x, weight = doubled(x), doubled(weight)
    x = channels_last(x)
    if any(padding):
        # "SAME" pads unevenly; the language pads alike on both sides
        x = tf.pad(x, [[0, 0], *([p, p] for p in padding), [0, 0]])
    out = tf.nn.convolution(x, filters(weight), stride, "VALID", space, dilation)
    return channels_first(out if bias is None else out + bias)


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
    length: tuple[Any, ...],
) -> Tensor:
    # what padding takes away is computed and cropped: "SAME" would choose it itself
    full = [n + 2 * p for n, p in zip(length, padding, strict=True)]
    single = weight.shape[1] == 1
    if single and stride[-1] > 1:
        weight = doubled(weight)  # its gradient is a convolution of as many channels
    shape = [tf.shape(x)[0], *full, weight.shape[1]]
    space = _FORMATS[len(stride)]
    taps = filters(dilated(weight, dilation))
    out = tf.nn.conv_transpose(channels_last(x), taps, shape, stride, "VALID", space)
    for axis, (p, n) in enumerate(zip(padding, length, strict=True), start=1):
        out = crop(out, axis, p, p + n)
    out = channels_first(out)
    return out[:, :1] if single else out

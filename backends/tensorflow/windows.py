"""Kernels that move a window over space: convolution, its transpose, and pooling."""

from __future__ import annotations

from functools import reduce
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
    length,
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


def max_pool(
    x: Tensor,
    *,
    kernel: Axes,
    stride: Axes,
    padding: Axes,
    dilation: Axes,
) -> Tensor:
    x = channels_last(x)
    if any(padding):
        # "SAME" pads unevenly, and XLA pools with no other padding
        ends = [[0, 0], *([p, p] for p in padding), [0, 0]]
        x = tf.pad(x, ends, constant_values=tf.cast(float("-inf"), x.dtype))
    if max(dilation) > 1:
        return channels_first(_largest_tap(x, kernel, stride, dilation))
    space = _FORMATS[len(kernel)]
    return channels_first(tf.nn.max_pool(x, kernel, stride, "VALID", space))


def _largest_tap(
    x: Tensor,
    kernel: Axes,
    stride: Axes,
    dilation: Axes,
) -> Tensor:
    """Windows with gaps, which TensorFlow does not pool; x is (batch, *space, channels).

    The last axis first: of equal elements, the first row that has one has the first of them.
    """
    for i in reversed(range(len(kernel))):
        before = (slice(None),) * (1 + i)
        span = length(x, 1 + i) - (kernel[i] - 1) * dilation[i]
        starts = [tap * dilation[i] for tap in range(kernel[i])]
        taps = [x[(*before, slice(n, n + span, stride[i]))] for n in starts]
        # of two equal ones tf.maximum gives the gradient to the first
        x = reduce(tf.maximum, taps)
    return x

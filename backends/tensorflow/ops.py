"""Kernels: short functions over native TensorFlow calls, run eagerly or traced.

A number written into a call may be an axis length that is known at run time only: an int32
scalar, which takes the dtype of its neighbour.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import tensorflow as tf

from backends import kernels
from backends.base import Gap
from backends.tensorflow.layout import (
    channels_first,
    channels_last,
    crop,
    dilated,
    filters,
    last,
    length,
    row,
)

GAPS: dict[str, str] = {}  # op -> why TensorFlow cannot; nothing is missing
PART_GAPS = (Gap("conv conv_transpose", "convolutions take no int64", dtype="int64"),)

Tensor = Any  # tf.Tensor, or a number
Axes = tuple[int, ...]


def _alike(a: Tensor, b: Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Both operands in one dtype: that of the tensor whose neighbour is a number or a length.

    The language lets nothing else differ.
    """
    if tf.is_tensor(a) and tf.is_tensor(b):
        # a scalar of another dtype is a length, whichever side it stands on
        if a.shape.rank == 0 and a.dtype != b.dtype:
            return tf.cast(a, b.dtype), b
        return a, tf.cast(b, a.dtype)
    dtype = a.dtype if tf.is_tensor(a) else b.dtype
    return tf.convert_to_tensor(a, dtype), tf.convert_to_tensor(b, dtype)


def _binary(native: Callable[..., Any]) -> Callable[..., Any]:
    """A native call of two operands, one of which may be a number."""

    @wraps(native)
    def kernel(a: Tensor, b: Tensor) -> tf.Tensor:
        return native(*_alike(a, b))

    return kernel


def _shared(native: Callable[..., Any]) -> Callable[..., Any]:
    """Half of the gradient to each side of a tie, as the language has it.

    TensorFlow gives all of it to the first.
    """

    def kernel(a: Tensor, b: Tensor) -> tf.Tensor:
        a, b = _alike(a, b)
        if not a.dtype.is_floating:  # no gradient, and no half of an integer
            return native(a, b)
        return tf.where(tf.equal(a, b), a * 0.5 + b * 0.5, native(a, b))

    return kernel


def _reduction(native: Callable[..., Any]) -> Callable[..., Any]:
    """A native reduction over a tuple of axes; over none of them it is the identity."""

    @wraps(native)
    def kernel(x: tf.Tensor, *, axis: Axes, keepdims: bool) -> tf.Tensor:
        # TensorFlow takes an empty tuple for all axes
        return native(x, axis, keepdims) if axis else x

    return kernel


# ops whose kernel is TensorFlow's own function, given operands or axes as it takes them
NATIVE: Mapping[str, kernels.Kernel] = {
    "add": _binary(tf.add),
    "subtract": _binary(tf.subtract),
    "multiply": _binary(tf.multiply),
    "divide": _binary(tf.divide),
    "maximum": _shared(tf.maximum),
    "minimum": _shared(tf.minimum),
    "equal": _binary(tf.equal),
    "not_equal": _binary(tf.not_equal),
    "less": _binary(tf.less),
    "less_equal": _binary(tf.less_equal),
    "greater": _binary(tf.greater),
    "greater_equal": _binary(tf.greater_equal),
    "sum": _reduction(tf.reduce_sum),
    "mean": _reduction(tf.reduce_mean),
    "var": _reduction(tf.math.reduce_variance),
    "max": _reduction(tf.reduce_max),
    "min": _reduction(tf.reduce_min),
    "negative": tf.negative,
    "abs": tf.abs,
    "sign": tf.sign,
    "exp": tf.exp,
    "log": tf.math.log,
    "sqrt": tf.sqrt,
    "sin": tf.sin,
    "cos": tf.cos,
    "tanh": tf.tanh,
    "atan": tf.atan,
    "erf": tf.math.erf,
    "sigmoid": tf.sigmoid,
    "relu": tf.nn.relu,
    "logical_and": tf.logical_and,
    "logical_or": tf.logical_or,
    "logical_not": tf.logical_not,
    "stop_gradient": tf.stop_gradient,
}


def where(condition: tf.Tensor, a: Tensor, b: Tensor) -> tf.Tensor:
    return tf.where(condition, *_alike(a, b))


def pow(x: tf.Tensor, *, exponent: float) -> tf.Tensor:
    return tf.pow(x, tf.constant(exponent, x.dtype))


def reshape(x: tf.Tensor, *, shape: tuple[Any, ...]) -> tf.Tensor:
    """One length that is not known yet is left to TensorFlow.

    That is written -1, which costs no arithmetic in the graph.
    """
    known = [size for size in shape if not tf.is_tensor(size)]
    # beside a length of 0, any number would do for the one that is left out
    if len(known) == len(shape) - 1 and 0 not in known:
        shape = tuple(-1 if tf.is_tensor(size) else size for size in shape)
    return tf.reshape(x, shape)


def permute_dims(x: tf.Tensor, *, axes: Axes) -> tf.Tensor:
    return tf.transpose(x, axes)


def expand_dims(x: tf.Tensor, *, axis: int) -> tf.Tensor:
    return tf.expand_dims(x, axis)


def squeeze(x: tf.Tensor, *, axis: int) -> tf.Tensor:
    return tf.squeeze(x, [axis])


def broadcast_to(x: tf.Tensor, *, shape: tuple[Any, ...]) -> tf.Tensor:
    return tf.broadcast_to(x, shape)


def concat(*xs: tf.Tensor, axis: int) -> tf.Tensor:
    return tf.concat(xs, axis)


def stack(*xs: tf.Tensor, axis: int) -> tf.Tensor:
    return tf.stack(xs, axis)


def split(x: tf.Tensor, *, parts: int, axis: int) -> list[tf.Tensor]:
    return tf.split(x, parts, axis)


def unstack(x: tf.Tensor, *, axis: int) -> list[tf.Tensor]:
    return tf.unstack(x, axis=axis)


def slice(x: tf.Tensor, *, axis: int, start: Any, stop: Any, step: int) -> tf.Tensor:
    before = (builtins.slice(None),) * axis
    return x[(*before, builtins.slice(start, stop, step))]


def pad(x: tf.Tensor, *, axis: int, before: Any, after: Any, value: float) -> tf.Tensor:
    widths = [[before, after] if i == axis else [0, 0] for i in range(x.shape.rank)]
    return tf.pad(x, widths, constant_values=tf.cast(value, x.dtype))


def take(x: tf.Tensor, index: tf.Tensor, *, axis: int) -> tf.Tensor:
    return tf.gather(x, index, axis=axis)


def take_along_axis(x: tf.Tensor, index: tf.Tensor, *, axis: int) -> tf.Tensor:
    # batch dimensions lead, so the axis that is looked up must come last
    lead = x.shape.rank - 1
    found = tf.gather(last(x, axis), last(index, axis), batch_dims=lead)
    return last(found, axis)


def scatter_add(x: tf.Tensor, index: tf.Tensor, *, axis: int, length: Any) -> tf.Tensor:
    """Every row of the last axis gets `length` segments of its own."""
    moved, segments = last(x, axis), tf.cast(last(index, axis), tf.int32)
    lead = tf.shape(moved)[:-1]
    count = tf.reduce_prod(lead)
    # (*lead, 1): the first segment of each row
    rows = tf.reshape(tf.range(count) * length, tf.concat([lead, [1]], 0))
    sums = tf.math.unsorted_segment_sum(moved, segments + rows, count * length)
    return last(tf.reshape(sums, tf.concat([lead, [length]], 0)), axis)


def flip(x: tf.Tensor, *, axis: int) -> tf.Tensor:
    return tf.reverse(x, [axis])


def roll(x: tf.Tensor, *, shift: int, axis: int) -> tf.Tensor:
    return tf.roll(x, shift, axis)


def tile(x: tf.Tensor, *, times: int, axis: int) -> tf.Tensor:
    return tf.tile(x, [times if i == axis else 1 for i in range(x.shape.rank)])


def repeat(x: tf.Tensor, *, times: int, axis: int) -> tf.Tensor:
    return tf.repeat(x, times, axis)


def astype(x: tf.Tensor, *, dtype: str) -> tf.Tensor:
    return tf.cast(x, dtype)


def matmul(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    # itself the kernel, but for its options, which the language does not have
    return tf.matmul(a, b)


def linear(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | None = None) -> tf.Tensor:
    """Rank 2 around the product.

    Of a rank-4 product with a rank-2 weight, TensorFlow's gradient is 2.4 times as slow.
    """
    flat = x.shape.rank == 2
    rows = x if flat else tf.reshape(x, (-1, weight.shape[1]))
    out = tf.matmul(rows, weight, transpose_b=True)
    if bias is not None:
        out = tf.nn.bias_add(out, bias)
    if flat:
        return out
    lead = [length(x, i) for i in range(x.shape.rank - 1)]
    return reshape(out, shape=(*lead, weight.shape[0]))


# by the number of spatial axes
_FORMATS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def conv(
    x: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor | None = None,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
) -> tf.Tensor:
    if builtins.max(stride) > 1 and builtins.max(dilation) > 1:
        # TensorFlow refuses both at once
        weight, dilation = dilated(weight, dilation), (1,) * len(dilation)
    space = _FORMATS[len(stride)]
    x = channels_last(x)
    if any(padding):
        # "SAME" pads unevenly; the language pads alike on both sides
        x = tf.pad(x, [[0, 0], *([p, p] for p in padding), [0, 0]])
    out = tf.nn.convolution(x, filters(weight), stride, "VALID", space, dilation)
    return channels_first(out if bias is None else out + bias)


def conv_transpose(
    x: tf.Tensor,
    weight: tf.Tensor,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
    length: tuple[Any, ...],
) -> tf.Tensor:
    # what padding takes away is computed and cropped: "SAME" would choose it itself
    full = [n + 2 * p for n, p in zip(length, padding, strict=True)]
    shape = [tf.shape(x)[0], *full, weight.shape[1]]
    space = _FORMATS[len(stride)]
    taps = filters(dilated(weight, dilation))
    out = tf.nn.conv_transpose(channels_last(x), taps, shape, stride, "VALID", space)
    for axis, (p, n) in enumerate(zip(padding, length, strict=True), start=1):
        out = crop(out, axis, p, p + n)
    return channels_first(out)


def layer_norm(
    x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, *, eps: float
) -> tf.Tensor:
    """Centred before it is scaled.

    tf.nn.batch_normalization computes x s + (bias - mean s), which cancels where the mean is
    large.
    """
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    spread = tf.reduce_mean(tf.square(centred), -1, keepdims=True)
    return centred * tf.math.rsqrt(spread + eps) * weight + bias


def batch_norm(
    x: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    mean: tf.Tensor,
    var: tf.Tensor,
    *,
    eps: float,
) -> tf.Tensor:
    mean, var, weight, bias = (row(each, x) for each in (mean, var, weight, bias))
    return tf.nn.batch_normalization(x, mean, var, bias, weight, eps)


def batch_norm_train(
    x: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    mean: tf.Tensor,
    var: tf.Tensor,
    *,
    eps: float,
    momentum: float,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The batch's biased variance normalises; the running one takes the unbiased one.

    Keras would keep the biased one, and call 1 - momentum its momentum.
    """
    axes = [0, *range(2, x.shape.rank)]
    here = tf.reduce_mean(x, axes)
    centred = x - row(here, x)
    spread = tf.reduce_mean(tf.square(centred), axes)
    count = tf.cast(tf.size(x) // tf.size(here), x.dtype)  # of each channel
    new_mean = mean * (1 - momentum) + here * momentum
    new_var = var * (1 - momentum) + spread * (count / (count - 1)) * momentum
    out = centred * row(tf.math.rsqrt(spread + eps) * weight, x) + row(bias, x)
    return out, new_mean, new_var


def leaky_relu(x: tf.Tensor, *, slope: float) -> tf.Tensor:
    return tf.nn.leaky_relu(x, slope)


def gelu(x: tf.Tensor, *, approximate: str) -> tf.Tensor:
    return tf.nn.gelu(x, approximate == "tanh")


def softmax(x: tf.Tensor, *, axis: int) -> tf.Tensor:
    return tf.nn.softmax(x, axis)


def attention(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, *, scale: float
) -> tf.Tensor:
    """The query is scaled, not the wider logits.

    The softmax is in float32 where the products are in less.
    """
    logits = tf.matmul(query * tf.cast(scale, query.dtype), key, transpose_b=True)
    weights = tf.nn.softmax(tf.cast(logits, tf.float32))
    return tf.matmul(tf.cast(weights, value.dtype), value)


def dropout(x: tf.Tensor, mask: tf.Tensor, *, rate: float) -> tf.Tensor:
    """The mask is scaled, which no gradient flows through.

    That is one product in the backward pass instead of two.
    """
    return x * tf.cast(mask * (1 / (1 - rate)), x.dtype)


KERNELS = kernels.of(globals(), NATIVE)

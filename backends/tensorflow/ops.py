"""Kernels: short functions over native TensorFlow calls, run eagerly or traced.

A number written into a call may be an axis length that is known at run time only: an int32
scalar, which takes the dtype of its neighbour.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from tensorflow import Tensor

from backends import kernels
from backends.tensorflow import sparse, windows
from backends.tensorflow.adapt import Axes, Operand, alike, binary, reduction, shared
from backends.tensorflow.layout import last, length, row

# ops whose kernel is TensorFlow's own function, given operands or axes as it takes them, or
# stands in a file beside
NATIVE: Mapping[str, kernels.Kernel] = {
    "subtract": binary(tf.subtract),
    "multiply": binary(tf.multiply),
    "divide": binary(tf.divide),
    "maximum": shared(tf.maximum),
    "minimum": shared(tf.minimum),
    "equal": binary(tf.equal),
    "not_equal": binary(tf.not_equal),
    "less": binary(tf.less),
    "less_equal": binary(tf.less_equal),
    "greater": binary(tf.greater),
    "greater_equal": binary(tf.greater_equal),
    "sum": reduction(tf.reduce_sum),
    "mean": reduction(tf.reduce_mean),
    "var": reduction(tf.math.reduce_variance),
    "max": reduction(tf.reduce_max),
    "logsumexp": reduction(tf.reduce_logsumexp),
    "min": reduction(tf.reduce_min),
    "negative": tf.negative,
    "abs": tf.abs,
    "sign": tf.sign,
    "floor": tf.floor,
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
    "conv": windows.conv,
    "conv_transpose": windows.conv_transpose,
    "max_pool": windows.max_pool,
    "sparse_matmul": sparse.sparse_matmul,
}


def add(a: Operand, b: Operand) -> Tensor:
    """The sum; a row written (1, n) or (1, 1, n) beside a tensor is given rank 1.

    TensorFlow 2.21 fuses such a sum into the product before it, whose kernel then refuses the
    row ("bias must be 1-dimensional", github.com/tensorflow/tensorflow/issues/126661).
    """
    a, b = alike(a, b)
    if _is_row(b) and a.shape.rank >= b.shape.rank:
        b = tf.reshape(b, (-1,))
    elif _is_row(a) and b.shape.rank >= a.shape.rank:
        a = tf.reshape(a, (-1,))
    return tf.add(a, b)


def _is_row(x: Operand) -> bool:
    rank = x.shape.rank
    return rank >= 2 and all(size == 1 for size in x.shape[:-1])


def where(condition: Tensor, a: Operand, b: Operand) -> Tensor:
    return tf.where(condition, *alike(a, b))


def pow(x: Tensor, *, exponent: float) -> Tensor:
    return tf.pow(x, tf.constant(exponent, x.dtype))


def cumsum(x: Tensor, *, axis: int) -> Tensor:
    # in a half, each sum would be rounded before the next, and the rounding adds up
    wide = tf.float32 if x.dtype.size == 2 else x.dtype
    return tf.cast(tf.cumsum(tf.cast(x, wide), axis), x.dtype)


def reshape(x: Tensor, *, shape: tuple[Any, ...]) -> Tensor:
    """One length that is not known yet is left to TensorFlow.

    That is written -1, which costs no arithmetic in the graph.
    """
    known = [size for size in shape if not tf.is_tensor(size)]
    # beside a length of 0, any number would do for the one that is left out
    if len(known) == len(shape) - 1 and 0 not in known:
        shape = tuple(-1 if tf.is_tensor(size) else size for size in shape)
    return tf.reshape(x, shape)


def permute_dims(x: Tensor, *, axes: Axes) -> Tensor:
    return tf.transpose(x, axes)


def expand_dims(x: Tensor, *, axis: int) -> Tensor:
    return tf.expand_dims(x, axis)


def squeeze(x: Tensor, *, axis: int) -> Tensor:
    return tf.squeeze(x, [axis])


def broadcast_to(x: Tensor, *, shape: tuple[Any, ...]) -> Tensor:
    return tf.broadcast_to(x, shape)


def concat(*xs: Tensor, axis: int) -> Tensor:
    return tf.concat(xs, axis)


def stack(*xs: Tensor, axis: int) -> Tensor:
    return tf.stack(xs, axis)


def split(x: Tensor, *, parts: int, axis: int) -> list[Tensor]:
    return tf.split(x, parts, axis)


def unstack(x: Tensor, *, axis: int) -> list[Tensor]:
    return tf.unstack(x, axis=axis)


def slice(
    x: Tensor,
    *,
    axis: int,
    start: Any,
    stop: Any,
    step: int,
) -> Tensor:
    before = (builtins.slice(None),) * axis
    return x[(*before, builtins.slice(start, stop, step))]


def pad(
    x: Tensor,
    *,
    axis: int,
    before: Any,
    after: Any,
    value: float,
) -> Tensor:
    widths = [[before, after] if i == axis else [0, 0] for i in range(x.shape.rank)]
    return tf.pad(x, widths, constant_values=tf.cast(value, x.dtype))


def take(x: Tensor, index: Tensor, *, axis: int) -> Tensor:
    return tf.gather(x, index, axis=axis)


def take_along_axis(
    x: Tensor,
    index: Tensor,
    *,
    axis: int,
) -> Tensor:
    # batch dimensions lead, so the axis that is looked up must come last
    lead = x.shape.rank - 1
    found = tf.gather(last(x, axis), last(index, axis), batch_dims=lead)
    return last(found, axis)


def scatter_add(
    x: Tensor,
    index: Tensor,
    *,
    axis: int,
    length: Any,
) -> Tensor:
    """Every row of the last axis gets `length` segments of its own."""
    moved, segments = last(x, axis), tf.cast(last(index, axis), tf.int32)
    lead = tf.shape(moved)[:-1]
    count = tf.reduce_prod(lead)
    # (*lead, 1): the first segment of each row
    rows = tf.reshape(tf.range(count) * length, tf.concat([lead, [1]], 0))
    sums = tf.math.unsorted_segment_sum(moved, segments + rows, count * length)
    return last(tf.reshape(sums, tf.concat([lead, [length]], 0)), axis)


def argsort(x: Tensor, *, axis: int, descending: bool) -> Tensor:
    # to XLA -0 is less than 0
    unsigned = tf.where(x == 0, tf.zeros_like(x), x)
    direction = "DESCENDING" if descending else "ASCENDING"
    return tf.cast(tf.argsort(unsigned, axis, direction, stable=True), tf.int64)


def argmax(x: Tensor, *, axis: int, keepdims: bool) -> Tensor:
    found = tf.argmax(x, axis)
    return tf.expand_dims(found, axis) if keepdims else found


def argmin(x: Tensor, *, axis: int, keepdims: bool) -> Tensor:
    found = tf.argmin(x, axis)
    return tf.expand_dims(found, axis) if keepdims else found


def flip(x: Tensor, *, axis: int) -> Tensor:
    return tf.reverse(x, [axis])


def roll(x: Tensor, *, shift: int, axis: int) -> Tensor:
    return tf.roll(x, shift, axis)


def tile(x: Tensor, *, times: int, axis: int) -> Tensor:
    return tf.tile(x, [times if i == axis else 1 for i in range(x.shape.rank)])


def repeat(x: Tensor, *, times: int, axis: int) -> Tensor:
    return tf.repeat(x, times, axis)


def astype(x: Tensor, *, dtype: str) -> Tensor:
    return tf.cast(x, dtype)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    # itself the kernel, but for its options, which the language does not have
    if b.shape.rank == 2 and a.shape.rank > 2 and b.shape[0]:
        return _by_rows(tf.matmul, a, b, b.shape[1])
    return tf.matmul(a, b)


def _by_rows(
    product: Callable[..., Tensor], x: Tensor, weight: Tensor, width: int
) -> Tensor:
    """Rank 2 around the product of a stack of rows with one matrix; `width` is the result's.

    Of a rank-4 product with a rank-2 weight, TensorFlow's gradient is 2.4 times as slow.
    """
    out = product(tf.reshape(x, (-1, x.shape[-1])), weight)
    lead = [length(x, i) for i in range(x.shape.rank - 1)]
    return reshape(out, shape=(*lead, width))


def linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
) -> Tensor:
    def product(rows: Tensor, weight: Tensor) -> Tensor:
        out = tf.matmul(rows, weight, transpose_b=True)
        return out if bias is None else tf.nn.bias_add(out, bias)

    if x.shape.rank == 2:
        return product(x, weight)
    return _by_rows(product, x, weight, weight.shape[0])


def layer_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    eps: float,
) -> Tensor:
    """Centred before it is scaled.

    tf.nn.batch_normalization computes x s + (bias - mean s), which cancels where the mean is
    large.
    """
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    spread = tf.reduce_mean(tf.square(centred), -1, keepdims=True)
    return centred * tf.math.rsqrt(spread + eps) * weight + bias


def batch_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    eps: float,
) -> Tensor:
    mean, var, weight, bias = (row(each, x) for each in (mean, var, weight, bias))
    return tf.nn.batch_normalization(x, mean, var, bias, weight, eps)


def batch_norm_train(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    eps: float,
    momentum: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The batch's biased variance normalises; the running one takes the unbiased one.

    Keras would keep the biased one, and call 1 - momentum its momentum.
    """
    axes = [0, *range(2, x.shape.rank)]
    rough = tf.reduce_mean(x, axes)
    centred = x - row(rough, x)
    # what the rounding of a long sum left of the mean; its gradient corrects that of the first
    rest = tf.reduce_mean(centred, axes)
    spread = tf.reduce_mean(tf.square(centred), axes)
    count = tf.cast(tf.size(x) // tf.size(rest), x.dtype)  # of each channel
    new_mean = mean * (1 - momentum) + (rough + rest) * momentum
    new_var = var * (1 - momentum) + spread * (count / (count - 1)) * momentum
    # rsqrt by name: a traced quotient by a root becomes one, and an eager call would differ
    scale = row(tf.math.rsqrt(spread + eps) * weight, x)
    out = (centred - row(rest, x)) * scale + row(bias, x)
    return out, new_mean, new_var


def clip(x: Tensor, *, low: float, high: float) -> Tensor:
    return tf.clip_by_value(x, low, high)


def leaky_relu(x: Tensor, *, slope: float) -> Tensor:
    return tf.nn.leaky_relu(x, slope)


def gelu(x: Tensor, *, approximate: str) -> Tensor:
    return tf.nn.gelu(x, approximate == "tanh")


def softmax(x: Tensor, *, axis: int) -> Tensor:
    return tf.nn.softmax(x, axis)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float,
) -> Tensor:
    """The query is scaled, not the wider logits.

    The softmax is in float32 where the products are in less.
    """
    logits = tf.matmul(query * tf.cast(scale, query.dtype), key, transpose_b=True)
    weights = tf.nn.softmax(tf.cast(logits, tf.float32))
    return tf.matmul(tf.cast(weights, value.dtype), value)


def dropout(
    x: Tensor,
    mask: Tensor,
    *,
    rate: float,
) -> Tensor:
    """The mask is scaled, which no gradient flows through.

    That is one product in the backward pass instead of two.
    """
    return x * tf.cast(mask * (1 / (1 - rate)), x.dtype)


KERNELS = kernels.of(globals(), NATIVE)

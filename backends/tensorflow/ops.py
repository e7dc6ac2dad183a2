"""Kernels: short functions over native TensorFlow calls, run eagerly or traced into a
tf.function.

A number written into a call may be an axis length that is known at run time only: an int32
scalar, which takes the dtype of its neighbour.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import tensorflow as tf

from backends.base import Gap
from models import ops as language

GAPS: dict[str, str] = {}  # op -> why TensorFlow cannot; nothing is missing
PART_GAPS = (Gap("conv conv_transpose", "convolutions take no int64", dtype="int64"),)

Tensor = Any  # tf.Tensor, or a number
Axes = tuple[int, ...]


def length(x: tf.Tensor, axis: int) -> Any:
    """An axis length: a number where tracing knows it, else a scalar."""
    return x.shape[axis] if x.shape[axis] is not None else tf.shape(x)[axis]


def _alike(a: Tensor, b: Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Both operands in one dtype: that of the tensor whose neighbour is a number, or a
    length (the language lets nothing else differ).
    """
    if tf.is_tensor(a) and tf.is_tensor(b):
        return (
            (tf.cast(a, b.dtype), b)
            if a.shape.rank == 0 and a.dtype != b.dtype
            else (a, tf.cast(b, a.dtype))
        )
    dtype = a.dtype if tf.is_tensor(a) else b.dtype
    return tf.convert_to_tensor(a, dtype), tf.convert_to_tensor(b, dtype)


def _binary(native: Callable[..., Any]) -> Callable[..., Any]:
    """A native call of two operands, one of which may be a number."""

    @wraps(native)
    def kernel(a: Tensor, b: Tensor) -> tf.Tensor:
        return native(*_alike(a, b))

    return kernel


def _shared(native: Callable[..., Any]) -> Callable[..., Any]:
    """Half of the gradient to each side of a tie, as the language has it; TensorFlow gives
    all of it to the first.
    """

    def kernel(a: Tensor, b: Tensor) -> tf.Tensor:
        a, b = _alike(a, b)
        return (
            tf.where(tf.equal(a, b), a * 0.5 + b * 0.5, native(a, b))
            if a.dtype.is_floating
            else native(a, b)
        )

    return kernel


def where(condition: tf.Tensor, a: Tensor, b: Tensor) -> tf.Tensor:
    return tf.where(condition, *_alike(a, b))


def pow(x: tf.Tensor, *, exponent: float) -> tf.Tensor:
    return tf.pow(x, tf.constant(exponent, x.dtype))


def _reduction(native: Callable[..., Any]) -> Callable[..., Any]:
    """A native reduction over a tuple of axes; over none of them it is the identity."""

    @wraps(native)
    def kernel(x: tf.Tensor, *, axis: Axes, keepdims: bool) -> tf.Tensor:
        return native(x, axis, keepdims) if axis else x

    return kernel


def reshape(x: tf.Tensor, *, shape: tuple[Any, ...]) -> tf.Tensor:
    """One length that is not known yet is left to TensorFlow: -1 costs no arithmetic in the
    graph.
    """
    unknown = [i for i, size in enumerate(shape) if tf.is_tensor(size)]
    if len(unknown) == 1 and 0 not in shape[: unknown[0]] + shape[unknown[0] + 1 :]:
        shape = (*shape[: unknown[0]], -1, *shape[unknown[0] + 1 :])
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
    return x[(builtins.slice(None),) * axis + (builtins.slice(start, stop, step),)]


def pad(x: tf.Tensor, *, axis: int, before: Any, after: Any, value: float) -> tf.Tensor:
    return tf.pad(
        x,
        [[before, after] if i == axis else [0, 0] for i in range(x.shape.rank)],
        constant_values=tf.cast(value, x.dtype),
    )


def take(x: tf.Tensor, index: tf.Tensor, *, axis: int) -> tf.Tensor:
    return tf.gather(x, index, axis=axis)


def _last(x: tf.Tensor, axis: int) -> tf.Tensor:
    """`axis` exchanged with the last one; twice gives x back."""
    order = list(range(x.shape.rank))
    order[axis], order[-1] = order[-1], order[axis]
    return tf.transpose(x, order)


def take_along_axis(x: tf.Tensor, index: tf.Tensor, *, axis: int) -> tf.Tensor:
    return _last(
        tf.gather(_last(x, axis), _last(index, axis), batch_dims=x.shape.rank - 1), axis
    )


def scatter_add(x: tf.Tensor, index: tf.Tensor, *, axis: int, length: Any) -> tf.Tensor:
    """Every row of the last axis gets `length` segments of its own."""
    moved, segments = _last(x, axis), tf.cast(_last(index, axis), tf.int32)
    lead = tf.shape(moved)[:-1]
    rows = tf.reshape(tf.range(tf.reduce_prod(lead)) * length, tf.concat([lead, [1]], 0))
    sums = tf.math.unsorted_segment_sum(
        moved, segments + rows, tf.reduce_prod(lead) * length
    )
    return _last(tf.reshape(sums, tf.concat([lead, [length]], 0)), axis)


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
    return tf.matmul(a, b)


def linear(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | None = None) -> tf.Tensor:
    """Rank 2 around the product: of a rank-4 product with a rank-2 weight, TensorFlow's
    gradient is 2.4 times as slow.
    """
    rows = x if x.shape.rank == 2 else tf.reshape(x, (-1, weight.shape[1]))
    out = tf.matmul(rows, weight, transpose_b=True)
    out = out if bias is None else tf.nn.bias_add(out, bias)
    return (
        out
        if x.shape.rank == 2
        else reshape(
            out, shape=(*(length(x, i) for i in range(x.shape.rank - 1)), weight.shape[0])
        )
    )


_FORMATS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def _channels_last(x: tf.Tensor) -> tf.Tensor:
    """(batch, channels, *space) -> (batch, *space, channels), the only layout TensorFlow
    convolves in on the CPU.
    """
    return tf.transpose(x, (0, *range(2, x.shape.rank), 1))


def _channels_first(x: tf.Tensor) -> tf.Tensor:
    return tf.transpose(x, (0, x.shape.rank - 1, *range(1, x.shape.rank - 1)))


def _filters(weight: tf.Tensor) -> tf.Tensor:
    """(out, in, *kernel) -> (*kernel, in, out)."""
    return tf.transpose(weight, (*range(2, weight.shape.rank), 1, 0))


def _dilated(weight: tf.Tensor, dilation: Axes) -> tf.Tensor:
    """Zeros between the taps: TensorFlow does not dilate and stride at once, and on the CPU
    has no dilated gradient.
    """
    for axis, step in enumerate(dilation, start=2):
        taps = weight.shape[axis]
        wide = pad(
            tf.expand_dims(weight, axis + 1),
            axis=axis + 1,
            before=0,
            after=step - 1,
            value=0.0,
        )
        wide = tf.reshape(
            wide, (*weight.shape[:axis], taps * step, *weight.shape[axis + 1 :])
        )
        weight = slice(wide, axis=axis, start=0, stop=(taps - 1) * step + 1, step=1)
    return weight


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
        weight, dilation = _dilated(weight, dilation), (1,) * len(dilation)
    space = _FORMATS[len(stride)]
    x = _channels_last(x)
    if any(padding):
        # "SAME" pads unevenly; the language pads alike on both sides
        x = tf.pad(x, [[0, 0], *([p, p] for p in padding), [0, 0]])
    out = tf.nn.convolution(x, _filters(weight), stride, "VALID", space, dilation)
    return _channels_first(out if bias is None else out + bias)


def conv_transpose(
    x: tf.Tensor,
    weight: tf.Tensor,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
    length: tuple[Any, ...],
) -> tf.Tensor:
    full = [n + 2 * p for n, p in zip(length, padding, strict=True)]
    shape = [tf.shape(x)[0], *full, weight.shape[1]]
    filters = tf.transpose(_dilated(weight, dilation), (*range(2, weight.shape.rank), 1, 0))
    out = tf.nn.conv_transpose(
        _channels_last(x), filters, shape, stride, "VALID", _FORMATS[len(stride)]
    )
    for axis, (p, n) in enumerate(zip(padding, length, strict=True), start=1):
        out = slice(out, axis=axis, start=p, stop=p + n, step=1)
    return _channels_first(out)


def layer_norm(
    x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, *, eps: float
) -> tf.Tensor:
    """Centred before it is scaled: tf.nn.batch_normalization computes x s + (bias - mean
    s), which cancels where the mean is large.
    """
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    return (
        centred
        * tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + eps)
        * weight
        + bias
    )


def _wide(row: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """(channels,) -> (1, channels, 1, ...), to meet axis 1."""
    return tf.reshape(row, (1, -1, *(1,) * (like.shape.rank - 2)))


def batch_norm(
    x: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    mean: tf.Tensor,
    var: tf.Tensor,
    *,
    eps: float,
) -> tf.Tensor:
    mean, var, weight, bias = (_wide(row, x) for row in (mean, var, weight, bias))
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
    """Keras would keep the biased variance and call 1 - momentum its momentum; here the
    running variance is the unbiased one.
    """
    axes = [0, *range(2, x.shape.rank)]
    here = tf.reduce_mean(x, axes)
    centred = x - _wide(here, x)
    spread = tf.reduce_mean(tf.square(centred), axes)
    count = tf.cast(tf.size(x) // tf.size(here), x.dtype)
    new_mean = mean * (1 - momentum) + here * momentum
    new_var = var * (1 - momentum) + spread * (count / (count - 1)) * momentum
    return (
        centred * _wide(tf.math.rsqrt(spread + eps) * weight, x) + _wide(bias, x),
        new_mean,
        new_var,
    )


def leaky_relu(x: tf.Tensor, *, slope: float) -> tf.Tensor:
    return tf.nn.leaky_relu(x, slope)


def gelu(x: tf.Tensor, *, approximate: str) -> tf.Tensor:
    return tf.nn.gelu(x, approximate == "tanh")


def softmax(x: tf.Tensor, *, axis: int) -> tf.Tensor:
    return tf.nn.softmax(x, axis)


def attention(
    query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, *, scale: float
) -> tf.Tensor:
    """The query is scaled, not the wider logits; the softmax is in float32 where the
    products are in less.
    """
    logits = tf.matmul(query * tf.cast(scale, query.dtype), key, transpose_b=True)
    weights = tf.nn.softmax(tf.cast(logits, tf.float32))
    return tf.matmul(tf.cast(weights, value.dtype), value)


def dropout(x: tf.Tensor, mask: tf.Tensor, *, rate: float) -> tf.Tensor:
    """The mask is scaled, which no gradient flows through: one product in the backward pass
    instead of two.
    """
    return x * tf.cast(mask * (1 / (1 - rate)), x.dtype)


def draw(seed: tf.Tensor, *, shape: tuple[Any, ...], kind: str, number: float) -> tf.Tensor:
    """A noise input.

    The seed gives other numbers under XLA, whichever algorithm is named.
    """
    match kind:
        case "bernoulli":
            return tf.cast(tf.random.stateless_uniform(shape, seed) < number, tf.float32)
        case "normal":
            return tf.random.stateless_normal(shape, seed, stddev=number)
    return tf.random.stateless_uniform(shape, seed, maxval=number)


_UNARY = (
    "abs exp sqrt sin cos tanh sign atan negative sigmoid logical_and logical_or"
    " logical_not stop_gradient"
)
_BINARY = (
    "add subtract multiply divide equal not_equal less less_equal greater greater_equal"
)
_REDUCTIONS = {
    "sum": _reduction(tf.reduce_sum),
    "mean": _reduction(tf.reduce_mean),
    "var": _reduction(tf.math.reduce_variance),
    "max": _reduction(tf.reduce_max),
    "min": _reduction(tf.reduce_min),
}
_NAMED = {
    "log": tf.math.log,
    "erf": tf.math.erf,
    "relu": tf.nn.relu,
    "maximum": _shared(tf.maximum),
    "minimum": _shared(tf.minimum),
}
_OWN = (
    where, pow, reshape, permute_dims, expand_dims, squeeze, broadcast_to, concat, stack, split, unstack, slice, pad, take,
    take_along_axis, scatter_add, flip, roll, tile, repeat, astype, matmul, linear, conv, conv_transpose, layer_norm, batch_norm,
    batch_norm_train, leaky_relu, gelu, softmax, attention, dropout,
)  # fmt: skip
KERNELS: Mapping[str, Callable[..., Any]] = (
    {name: getattr(tf, name) for name in _UNARY.split()}
    | {name: _binary(getattr(tf, name)) for name in _BINARY.split()}
    | _REDUCTIONS
    | _NAMED
    | {kernel.__name__: kernel for kernel in _OWN}
)

# Mixed precision, in the sense of torch.autocast: products in the half type, what sums or
# may overflow in float32, the rest as it comes.
PRODUCTS = frozenset({"linear", "matmul", "conv", "conv_transpose", "attention"})
FOLLOWERS = (
    "add subtract multiply maximum minimum negative abs relu leaky_relu gelu tanh sigmoid"
    " where dropout astype stop_gradient"
)


def mixed(
    kernels: Mapping[str, Callable[..., Any]], dtype: tf.DType
) -> dict[str, Callable[..., Any]]:
    """The table with operands cast as the policy has it; weights stay float32 and are cast
    where they are used.
    """

    def policy(name: str) -> tf.DType | None:
        follows = name in FOLLOWERS.split() or language.get(name).group in (
            "shape",
            "index",
        )
        return dtype if name in PRODUCTS else None if follows else tf.float32

    return {name: _casting(kernel, policy(name)) for name, kernel in kernels.items()}


def _casting(kernel: Callable[..., Any], dtype: tf.DType | None) -> Callable[..., Any]:
    """A kernel whose float operands are cast to `dtype`, or (None) to float32 where they
    differ.
    """

    @wraps(kernel)
    def cast(*operands: Any, **attributes: Any) -> Any:
        floats = {operand.dtype for operand in operands if _is_float(operand)}
        target = dtype or (tf.float32 if len(floats) > 1 else None)
        return kernel(
            *(tf.cast(x, target) if target and _is_float(x) else x for x in operands),
            **attributes,
        )

    return cast


def _is_float(operand: Any) -> bool:
    return tf.is_tensor(operand) and operand.dtype.is_floating

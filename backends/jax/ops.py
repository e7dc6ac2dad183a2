"""Kernels: one native JAX call each, pure, the same run op by op or traced.

`vector_norm` and `dropout` have none and run by their bodies: the gradient of
jnp.linalg.norm at 0 is NaN, and a mask is two products. So does `sort`: jnp.sort turns its
ascending order around, and of equal elements the gradient goes to the last first.
"""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array, lax

from backends import kernels
from backends.base import Gap
from backends.jax import sparse

GAPS: dict[str, str] = {}  # op -> why JAX cannot; nothing is missing
PART_GAPS = (
    Gap(
        "layer_norm batch_norm_train",
        "of rows without a variance, the slope of rsqrt(eps) overflows in float16",
        dtype="float16",
        question="gradient",
        case="of zeros$",
    ),
    Gap(
        "group_norm",
        "of groups without a variance, the slope of the root of eps overflows in float16",
        dtype="float16",
        question="gradient",
        case="eps=1e-05 of zeros$",
    ),
)

Axes = tuple[int, ...]

# ops whose kernel is JAX's own function
NATIVE: Mapping[str, kernels.Kernel] = {
    "add": jnp.add,
    "subtract": jnp.subtract,
    "multiply": jnp.multiply,
    "divide": jnp.divide,
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "negative": jnp.negative,
    "sign": jnp.sign,
    "floor": jnp.floor,
    "exp": jnp.exp,
    "log": jnp.log,
    "sqrt": jnp.sqrt,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "tanh": jnp.tanh,
    "atan": jnp.arctan,
    "erf": lax.erf,
    "sigmoid": jax.nn.sigmoid,
    "relu": jax.nn.relu,  # gradient 0 at 0, where that of jnp.maximum is a half
    "equal": jnp.equal,
    "not_equal": jnp.not_equal,
    "less": jnp.less,
    "less_equal": jnp.less_equal,
    "greater": jnp.greater,
    "greater_equal": jnp.greater_equal,
    "logical_and": jnp.logical_and,
    "logical_or": jnp.logical_or,
    "logical_not": jnp.logical_not,
    "where": jnp.where,
    "matmul": jnp.matmul,
    "stop_gradient": lax.stop_gradient,
}


def abs(x: Array) -> Array:
    return x * jnp.sign(x)  # jnp.abs has gradient 1 at 0, not sign(0)


def pow(x: Array, *, exponent: float) -> Array:
    # an int becomes products, a float stays a power
    return jnp.power(x, int(exponent) if exponent == int(exponent) else exponent)


def sum(x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return jnp.sum(x, axis, keepdims=keepdims)


def mean(x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return jnp.mean(x, axis, keepdims=keepdims)


def var(x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return jnp.var(x, axis, keepdims=keepdims)


def max(x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return jnp.max(x, axis, keepdims=keepdims)


def min(x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return jnp.min(x, axis, keepdims=keepdims)


def cumsum(x: Array, *, axis: int) -> Array:
    # in a half, each sum would be rounded before the next, and the rounding adds up
    wide = jnp.float32 if x.dtype.itemsize == 2 else x.dtype
    return jnp.cumsum(x, axis, dtype=wide).astype(x.dtype)


def logsumexp(x: Array, *, axis: Axes, keepdims: bool) -> Array:
    return jax.nn.logsumexp(x, axis, keepdims=keepdims)


def reshape(x: Array, *, shape: Axes) -> Array:
    return jnp.reshape(x, shape)


def permute_dims(x: Array, *, axes: Axes) -> Array:
    return jnp.permute_dims(x, axes)


def expand_dims(x: Array, *, axis: int) -> Array:
    return jnp.expand_dims(x, axis)


def squeeze(x: Array, *, axis: int) -> Array:
    return jnp.squeeze(x, axis)


def broadcast_to(x: Array, *, shape: Axes) -> Array:
    return jnp.broadcast_to(x, shape)


def concat(*xs: Array, axis: int) -> Array:
    return jnp.concatenate(xs, axis)


def stack(*xs: Array, axis: int) -> Array:
    return jnp.stack(xs, axis)


def split(x: Array, *, parts: int, axis: int) -> tuple[Array, ...]:
    return tuple(jnp.split(x, parts, axis))


def unstack(x: Array, *, axis: int) -> tuple[Array, ...]:
    return jnp.unstack(x, axis=axis)


def slice(
    x: Array,
    *,
    axis: int,
    start: int,
    stop: int,
    step: int,
) -> Array:
    return lax.slice_in_dim(x, start, stop, step, axis)


def pad(
    x: Array,
    *,
    axis: int,
    before: int,
    after: int,
    value: float,
) -> Array:
    widths = [(before, after) if i == axis else (0, 0) for i in range(x.ndim)]
    return jnp.pad(x, widths, constant_values=value)


def take(x: Array, index: Array, *, axis: int) -> Array:
    # an index outside the axis gives NaN, not its neighbour: a fault shows
    return jnp.take(x, index, axis)


def take_along_axis(x: Array, index: Array, *, axis: int) -> Array:
    return jnp.take_along_axis(x, index, axis)


def scatter_add(
    x: Array,
    index: Array,
    *,
    axis: int,
    length: int,
) -> Array:
    # every element's own place, but along `axis` the one that the index names
    grids = enumerate(jnp.indices(x.shape, sparse=True))
    place = tuple(index if i == axis else grid for i, grid in grids)
    start = jnp.zeros((*x.shape[:axis], length, *x.shape[axis + 1 :]), x.dtype)
    return start.at[place].add(x)


def argsort(x: Array, *, axis: int, descending: bool) -> Array:
    return jnp.argsort(x, axis, stable=True, descending=descending)


def argmax(x: Array, *, axis: int, keepdims: bool) -> Array:
    return jnp.argmax(x, axis, keepdims=keepdims)


def argmin(x: Array, *, axis: int, keepdims: bool) -> Array:
    return jnp.argmin(x, axis, keepdims=keepdims)


def flip(x: Array, *, axis: int) -> Array:
    return jnp.flip(x, axis)


def roll(x: Array, *, shift: int, axis: int) -> Array:
    return jnp.roll(x, shift, axis)


def tile(x: Array, *, times: int, axis: int) -> Array:
    return jnp.tile(x, [times if i == axis else 1 for i in range(x.ndim)])


def repeat(x: Array, *, times: int, axis: int) -> Array:
    return jnp.repeat(x, times, axis)


def astype(x: Array, *, dtype: str) -> Array:
    # int64 is int32 unless the process has switched 64 bits on
    return jnp.astype(x, jax.dtypes.canonicalize_dtype(dtype))


def linear(
    x: Array,
    weight: Array,
    bias: Array | None = None,
) -> Array:
    product = jnp.matmul(x, weight.T)
    return product if bias is None else product + bias


def sparse_matmul(
    x: Array,
    values: Array,
    rows: Array,
    columns: Array,
    *,
    length: int,
) -> Array:
    # in a half, each sum would be rounded before the next
    wide = jnp.float32 if x.dtype.itemsize == 2 else x.dtype
    found = sparse.product(x.astype(wide), values.astype(wide), rows, columns, length)
    return found.astype(x.dtype)


def conv(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
) -> Array:
    ends = [(p, p) for p in padding]
    out = lax.conv_general_dilated(x, weight, stride, ends, rhs_dilation=dilation)
    return out if bias is None else out + _row(bias, out)


def conv_transpose(
    x: Array,
    weight: Array,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
    length: Axes,
) -> Array:
    """The input spread apart by the stride, convolved with the mirrored kernel.

    What the padding took away comes back at the ends.
    """
    mirrored = jnp.flip(jnp.swapaxes(weight, 0, 1), range(2, weight.ndim))
    space = x.shape[2:], weight.shape[2:]
    ends = []
    for n, m, k, s, d, p in zip(length, *space, stride, dilation, padding, strict=True):
        reach = (k - 1) * d  # of the kernel, from its first tap to its last
        spread = (m - 1) * s + 1
        # one output for each place of the kernel: n = before + spread + after - reach
        before = reach - p
        ends.append((before, n - spread + reach - before))
    ones = (1,) * len(stride)
    return lax.conv_general_dilated(
        x,
        mirrored,
        ones,
        ends,
        lhs_dilation=stride,
        rhs_dilation=dilation,
    )


def _row(row: Array, like: Array) -> Array:
    """(channels,) -> (1, channels, 1, ...), to meet axis 1."""
    return row.reshape(1, -1, *(1,) * (like.ndim - 2))


def layer_norm(
    x: Array,
    weight: Array,
    bias: Array,
    *,
    eps: float,
) -> Array:
    """Two passes: jax.nn.standardize takes the variance as E[x^2] - E[x]^2, which cancels."""
    centred = x - jnp.mean(x, -1, keepdims=True)
    spread = jnp.mean(centred * centred, -1, keepdims=True)
    return centred * lax.rsqrt(spread + eps) * weight + bias


def batch_norm(
    x: Array,
    weight: Array,
    bias: Array,
    mean: Array,
    var: Array,
    *,
    eps: float,
) -> Array:
    scale = weight * lax.rsqrt(var + eps)
    return (x - _row(mean, x)) * _row(scale, x) + _row(bias, x)


def batch_norm_train(
    x: Array,
    weight: Array,
    bias: Array,
    mean: Array,
    var: Array,
    *,
    eps: float,
    momentum: float,
) -> tuple[Array, Array, Array]:
    """The batch's biased variance normalises; the running one takes the unbiased one."""
    axes = (0, *range(2, x.ndim))
    here, spread = jnp.mean(x, axes), jnp.var(x, axes)
    count = x.size // x.shape[1]  # of each channel
    new_mean = mean * (1 - momentum) + here * momentum
    new_var = var * (1 - momentum) + spread * (momentum * count / (count - 1))
    return batch_norm(x, weight, bias, here, spread, eps=eps), new_mean, new_var


def leaky_relu(x: Array, *, slope: float) -> Array:
    # jax.nn.leaky_relu has gradient 1 at 0, not `slope`
    return jnp.where(x > 0, x, x * slope)


def gelu(x: Array, *, approximate: str) -> Array:
    # written out in both cases: JAX's own default is tanh
    return jax.nn.gelu(x, approximate=approximate == "tanh")


def softmax(x: Array, *, axis: int) -> Array:
    return jax.nn.softmax(x, axis)


def attention(
    query: Array,
    key: Array,
    value: Array,
    *,
    scale: float,
) -> Array:
    """Weights are in float32 even where the products are in bfloat16."""
    # (..., queries, width) by (..., keys, width): no transposed copy of the keys is made
    product = "...md,...nd->...mn"
    logits = jnp.einsum(product, query, key, preferred_element_type=jnp.float32) * scale
    weights = jax.nn.softmax(logits, -1).astype(value.dtype)
    return jnp.matmul(weights, value)


KERNELS = kernels.of(globals(), NATIVE)

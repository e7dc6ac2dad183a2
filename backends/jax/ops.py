"""Kernels: one native JAX call each, pure, and the same whether they run op by op or are
traced.

`vector_norm` and `dropout` have none and run by their bodies: the gradient of
jnp.linalg.norm at 0 is NaN, and a mask is two products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from backends.base import Gap

GAPS: dict[str, str] = {}  # op -> why JAX cannot; nothing is missing
PART_GAPS: tuple[Gap, ...] = ()

Axes = tuple[int, ...]
Kernels = Mapping[str, Callable[..., Any]]


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


def slice(x: Array, *, axis: int, start: int, stop: int, step: int) -> Array:
    return lax.slice_in_dim(x, start, stop, step, axis)


def pad(x: Array, *, axis: int, before: int, after: int, value: float) -> Array:
    return jnp.pad(
        x,
        [(before, after) if i == axis else (0, 0) for i in range(x.ndim)],
        constant_values=value,
    )


def take(x: Array, index: Array, *, axis: int) -> Array:
    # an index outside the axis gives NaN, not its neighbour
    return jnp.take(x, index, axis)


def take_along_axis(x: Array, index: Array, *, axis: int) -> Array:
    return jnp.take_along_axis(x, index, axis)


def scatter_add(x: Array, index: Array, *, axis: int, length: int) -> Array:
    where = [
        index if i == axis else grid
        for i, grid in enumerate(jnp.indices(x.shape, sparse=True))
    ]
    return (
        jnp.zeros((*x.shape[:axis], length, *x.shape[axis + 1 :]), x.dtype)
        .at[tuple(where)]
        .add(x)
    )


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


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    product = jnp.matmul(x, weight.T)
    return product if bias is None else product + bias


def conv(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
) -> Array:
    out = lax.conv_general_dilated(
        x, weight, stride, [(p, p) for p in padding], rhs_dilation=dilation
    )
    return out if bias is None else out + _row(bias, out)


def conv_transpose(
    x: Array, weight: Array, *, stride: Axes, dilation: Axes, padding: Axes, length: Axes
) -> Array:
    """The input spread apart by the stride, convolved with the mirrored kernel; what the
    padding took away comes back at the ends.
    """
    mirrored = jnp.flip(jnp.swapaxes(weight, 0, 1), range(2, weight.ndim))
    ends = []
    for n, m, k, s, d, p in zip(
        length, x.shape[2:], weight.shape[2:], stride, dilation, padding, strict=True
    ):
        before = (k - 1) * d - p
        ends.append((before, n - 1 - (m - 1) * s + (k - 1) * d - before))
    return lax.conv_general_dilated(
        x, mirrored, (1,) * len(stride), ends, lhs_dilation=stride, rhs_dilation=dilation
    )


def _row(row: Array, like: Array) -> Array:
    return row.reshape(1, -1, *(1,) * (like.ndim - 2))


def layer_norm(x: Array, weight: Array, bias: Array, *, eps: float) -> Array:
    """Two passes: jax.nn.standardize takes the variance as E[x^2] - E[x]^2, which cancels."""
    centred = x - jnp.mean(x, -1, keepdims=True)
    return (
        centred * lax.rsqrt(jnp.mean(centred * centred, -1, keepdims=True) + eps) * weight
        + bias
    )


def batch_norm(
    x: Array, weight: Array, bias: Array, mean: Array, var: Array, *, eps: float
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
    """The batch's biased statistics normalise; the running variance takes the unbiased one."""
    axes = (0, *range(2, x.ndim))
    here, spread = jnp.mean(x, axes), jnp.var(x, axes)
    count = x.size // x.shape[1]
    new_mean = mean * (1 - momentum) + here * momentum
    new_var = var * (1 - momentum) + spread * (momentum * count / (count - 1))
    return batch_norm(x, weight, bias, here, spread, eps=eps), new_mean, new_var


def leaky_relu(x: Array, *, slope: float) -> Array:
    # jax.nn.leaky_relu has gradient 1 at 0, not `slope`
    return jnp.where(x > 0, x, x * slope)


def gelu(x: Array, *, approximate: str) -> Array:
    return jax.nn.gelu(x, approximate=approximate == "tanh")  # JAX's own default is tanh


def softmax(x: Array, *, axis: int) -> Array:
    return jax.nn.softmax(x, axis)


def attention(query: Array, key: Array, value: Array, *, scale: float) -> Array:
    """Weights are in float32 even where the products are in bfloat16."""
    logits = (
        jnp.einsum("...md,...nd->...mn", query, key, preferred_element_type=jnp.float32)
        * scale
    )
    return jnp.matmul(jax.nn.softmax(logits, -1).astype(value.dtype), value)


def draw(key: Array, *, shape: Axes, kind: str, number: float) -> Array:
    """A noise input, drawn by the key's generator (threefry, the same on every device)."""
    match kind:
        case "bernoulli":
            return jax.random.bernoulli(key, number, shape).astype(jnp.float32)
        case "normal":
            return jax.random.normal(key, shape, jnp.float32) * number
    return jax.random.uniform(key, shape, jnp.float32, 0.0, number)


_SAME_NAME = (
    "add subtract multiply divide maximum minimum negative sign exp log sqrt sin cos tanh"
    " equal not_equal less less_equal greater greater_equal logical_and logical_or"
    " logical_not where matmul"
)
_OTHER_NAME = {
    "atan": jnp.arctan,
    "erf": lax.erf,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "stop_gradient": lax.stop_gradient,
}
_OWN = (
    abs, pow, sum, mean, var, max, min, reshape, permute_dims, expand_dims, squeeze, broadcast_to, concat, stack, split, unstack, slice,
    pad, take, take_along_axis, scatter_add, flip, roll, tile, repeat, astype, linear, conv, conv_transpose, layer_norm, batch_norm,
    batch_norm_train, leaky_relu, gelu, softmax, attention,
)  # fmt: skip
KERNELS: Kernels = (
    {name: getattr(jnp, name) for name in _SAME_NAME.split()}
    | _OTHER_NAME
    | {kernel.__name__: kernel for kernel in _OWN}
)

# products, which the hardware has units for
IN_HALF = ("linear", "matmul", "conv", "conv_transpose", "attention")
IN_FULL = (
    "exp",
    "log",
    "pow",
    "sqrt",
    "sum",
    "mean",
    "var",
    "softmax",
    "layer_norm",
    "batch_norm",
    "batch_norm_train",
)


def mixed(kernels: Kernels, half: Any) -> Kernels:
    """Mixed precision as torch.autocast has it: products in `half`, sums and powers in
    float32, the rest in the wider of its inputs.
    """

    def cast(name: str, dtype: Any) -> Callable[..., Any]:
        def run(*operands: Any, **attributes: Any) -> Any:
            return kernels[name](
                *[_as(operand, dtype) for operand in operands], **attributes
            )

        return run

    chosen = {name: cast(name, half) for name in IN_HALF} | {
        name: cast(name, jnp.float32) for name in IN_FULL
    }
    return {**kernels, **chosen}


def _as(operand: Any, dtype: Any) -> Any:
    """Float tensors in another precision; literals and integers as they are."""
    return (
        operand.astype(dtype)
        if hasattr(operand, "dtype") and jnp.issubdtype(operand.dtype, jnp.floating)
        else operand
    )

"""Kernels: MLX's own functions; what MLX gets wrong is in PART_GAPS, and shown in the README."""

import mlx.core as mx

from backends import kernels
from backends.base import Gap

PART_GAPS = (
    Gap("conv conv_transpose linear matmul", "floats alone", "int64 int32"),
    Gap("conv", "the bias comes late", "float16", case="masks$", varies=True),
    Gap("erf", "near 0 it lacks digits", "float32", case="small numbers$"),
    Gap("sign", "that of NaN is 0", case="NaN and infinity$"),
    Gap("pow", "0 / 0", question="gradient", case="=0.0 of (zeros|NaN and infinity)$"),
    Gap("maximum minimum", "y has all of a tie", question="gradient", varies=True),
    Gap("take", "empty: SIGFPE", question="gradient", case="^(.x)*0x", varies=True),
    Gap("conv_transpose", "shape with a rest", question="gradient", varies=True),
)

# called by MLX with the same names as by PosePort
_SAME = """
    abs add atan broadcast_to cos divide equal erf exp expand_dims flip floor
    greater greater_equal less less_equal log logical_and logical_not logical_or
    matmul max maximum mean min minimum multiply negative not_equal permute_dims
    reshape roll sigmoid sign sin softmax sqrt squeeze stop_gradient subtract sum
    take take_along_axis tanh var where
"""
NATIVE = {name: getattr(mx, name) for name in _SAME.split()} | {
    "astype": lambda x, *, dtype: x.astype(getattr(mx, dtype.replace("bool", "bool_"))),
    "concat": lambda *xs, axis: mx.concatenate(xs, axis),
    "cumsum": lambda x, *, axis: mx.cumsum(_wide(x), axis).astype(x.dtype),
    "pow": lambda x, *, exponent: mx.power(x, exponent),
    "repeat": lambda x, *, times, axis: mx.repeat(x, times, axis),
    "split": lambda x, *, parts, axis: tuple(mx.split(x, parts, axis)),
}


def slice(x, *, axis, start, stop, step):
    return x.swapaxes(0, axis)[start:stop:step].swapaxes(0, axis)


def pad(x, *, axis, before, after, value):
    widths = [(before, after) if i == axis else (0, 0) for i in range(x.ndim)]
    return mx.pad(x, widths, constant_values=value)


def argsort(x, *, axis, descending):
    # of equal elements the first comes first, in either order
    order = mx.argsort(mx.flip(x, axis) if descending else x, axis).astype(mx.int64)
    order = x.shape[axis] - 1 - mx.flip(order, axis) if descending else order
    return mx.stop_gradient(order)  # else MLX refuses to differentiate what it indexes


def scatter_add(x, index, *, axis, length):
    start = mx.zeros((*x.shape[:axis], length, *x.shape[axis + 1 :]), x.dtype)
    return mx.vjp(lambda y: mx.take_along_axis(y, index, axis), [start], [x])[1][0]


def sparse_matmul(x, values, rows, columns, *, length):
    # rows first: MLX cannot differentiate `.at[..., rows, :]`
    terms = mx.take(_wide(x), columns, -2) * _wide(values)[:, None]
    terms = mx.moveaxis(terms, -2, 0)
    out = mx.zeros((length, *terms.shape[1:]), terms.dtype).at[rows].add(terms)
    return mx.moveaxis(out, 0, -2).astype(x.dtype)


def conv(x, weight, *bias, stride, dilation, padding):
    x, weight = mx.moveaxis(x, 1, -1), mx.moveaxis(weight, 1, -1)
    out = mx.conv_general(x, weight, stride, padding, dilation)
    return mx.moveaxis(out + bias[0] if bias else out, -1, 1)


def conv_transpose(x, weight, *, length, **window):
    start = mx.zeros((x.shape[0], weight.shape[1], *length), x.dtype)
    return mx.vjp(lambda y: conv(y, weight, **window), [start], [x])[1][0]


def _wide(x):
    # in a half, each sum would be rounded before the next
    return x.astype(mx.float32) if x.dtype in (mx.float16, mx.bfloat16) else x


KERNELS = kernels.of(globals(), NATIVE)

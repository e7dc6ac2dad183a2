"""Kernels: tinygrad's own functions; what it gets wrong is in PART_GAPS."""

import builtins

from tinygrad import Tensor, dtypes

from backends import kernels
from backends.base import Gap

GAPS: dict[str, str] = {}  # nothing is missing
PART_GAPS: tuple[Gap, ...] = ()


def _pair(name):
    """A method of tensors, beside one of which may be a number: it takes the other's type."""
    return lambda x, y: getattr(Tensor, name)(
        x if isinstance(x, Tensor) else Tensor(x, dtype=y.dtype), y
    )


_SAME = "abs atan cos erf exp floor log logical_not matmul sign sin sqrt tanh where"
_PAIRS = """
    add:add maximum:maximum minimum:minimum subtract:sub multiply:mul divide:div equal:eq
    not_equal:ne less:__lt__ less_equal:__le__ greater:__gt__ greater_equal:__ge__
    logical_and:__and__ logical_or:__or__
"""
NATIVE = {
    **{name: getattr(Tensor, name) for name in _SAME.split()},
    **{mine: _pair(own) for mine, own in (row.split(":") for row in _PAIRS.split())},
    "negative": Tensor.neg,
    "stop_gradient": Tensor.detach,
    "conv": lambda x, weight, *bias, **how: x.conv2d(weight, *bias, **how),
    "pad": lambda x, *, axis, before, after, value: x.pad(
        [(before, after) if i == axis else None for i in range(x.ndim)], value=value
    ),
    "slice": lambda x, *, axis, start, stop, step: x[
        (builtins.slice(None),) * axis + (builtins.slice(start, stop, step),)
    ],
    "reshape": lambda x, *, shape: x.reshape(shape),
    "argsort": lambda x, *, axis, descending: x.argsort(axis, descending).cast("int64"),
    "astype": lambda x, *, dtype: x.cast(dtype),
    "broadcast_to": lambda x, *, shape: x.expand(shape),
    "concat": lambda *xs, axis: Tensor.cat(*xs, dim=axis),
    "cumsum": lambda x, *, axis: _wide(x).cumsum(axis).cast(x.dtype),
    "flip": Tensor.flip,
    "max": lambda x, *, axis, keepdims: x.max(axis, keepdims),
    "min": lambda x, *, axis, keepdims: x.min(axis, keepdims),
    "permute_dims": lambda x, *, axes: x.permute(axes),
    "pow": lambda x, *, exponent: x.pow(exponent),
    "sum": lambda x, *, axis, keepdims: _wide(x).sum(axis, keepdims).cast(x.dtype),
    "take_along_axis": lambda x, index, *, axis: x.gather(axis, index),
}


def scatter_add(x, index, *, axis, length):
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
    return Tensor.zeros(shape, dtype=x.dtype).scatter_reduce(axis, index, x, "sum")


def sparse_matmul(x, values, rows, columns, *, length):
    # (length, n), a number where an entry stands; entries of one place add up
    filled = (Tensor.arange(length).reshape(-1, 1) == rows).where(_wide(values), 0)
    taken = Tensor.arange(x.shape[-2]).reshape(1, -1) == columns.reshape(-1, 1)
    return (filled @ taken.cast(filled.dtype) @ _wide(x)).cast(x.dtype)


def conv_transpose(x, weight, *, stride, dilation, padding, length):
    axes = zip(length, x.shape[2:], weight.shape[2:], stride, dilation, padding)
    # what the stride of the convolution rounded away
    left = [n - ((m - 1) * s + (k - 1) * d + 1 - 2 * p) for n, m, k, s, d, p in axes]
    return x.conv_transpose2d(weight, None, 1, stride, dilation, padding, tuple(left))


def _wide(x):
    # in a half, each sum would be rounded before the next
    return x.float() if x.dtype in (dtypes.float16, dtypes.bfloat16) else x


KERNELS = kernels.of(globals(), NATIVE)

"""Kernels: tinygrad's functions, mended where it is cheap; what stays wrong is in PART_GAPS."""

from tinygrad import Tensor, dtypes

from backends import kernels
from backends.base import Gap

PART_GAPS = (
    Gap("atan erf gelu", "lacks digits near 0 and 1", dtype="float32", varies=True),
    Gap("atan erf gelu", "slope of sign at 0", question="gradient", varies=True),
    Gap("tanh", "2 sigmoid(2 x) - 1 lacks digits", case="of small numbers$"),
    Gap("argsort sort", "NaN is left where it is", case="NaN and infinity$"),
)


_pair = lambda own: lambda x, y: own(_tensor(x, y), y)
_tensor = lambda x, y: x if isinstance(x, Tensor) else Tensor(x, dtype=y.dtype)
# in a half, each sum would be rounded before the next
_wide = lambda x: x.float() if x.dtype in (dtypes.float16, dtypes.bfloat16) else x
_widely = lambda own: lambda x: own(_wide(x)).cast(x.dtype)
# NaN with anything is NaN
_kept = lambda own: _pair(lambda x, y: (x.ne(x) | (y != y)).where(x + y, own(x, y)))
_named = lambda rows: [(row.split(":")[0], row.split(":")[-1]) for row in rows.split()]
_SAME = "abs astype:cast broadcast_to:expand conv:conv2d exp flip floor logical_not"
_SAME += " matmul negative:neg reshape sin sqrt stop_gradient:detach where"
_PAIRS = "add subtract:sub multiply:mul divide:div equal:eq not_equal:ne less:__lt__"
_PAIRS += " greater:__gt__ logical_and:__and__ logical_or:__or__"
NATIVE = {
    **{a: getattr(Tensor, b) for a, b in _named(_SAME)},
    **{name: _widely(getattr(Tensor, name)) for name in ("atan", "erf", "log", "tanh")},
    **{name: _kept(getattr(Tensor, name)) for name in ("maximum", "minimum")},
    **{a: _pair(getattr(Tensor, b)) for a, b in _named(_PAIRS)},
    "cos": _widely(lambda x: 1 - 2 * (x * 0.5).sin().square()),
    "less_equal": _pair(lambda x, y: (x < y) | x.eq(y)),
    "greater_equal": _pair(lambda x, y: (x > y) | x.eq(y)),
    "sign": lambda x: x.ne(x).where(x, x.sign()),
    "pad": lambda x, *, axis, before, after, value: x.pad(
        [(before, after) if i == axis else None for i in range(x.ndim)], value=value
    ),
    "slice": lambda x, *, axis, start, stop, step: x[
        (slice(None),) * axis + (slice(start, stop, step),)
    ],
    "argsort": lambda x, *, axis, descending: x.argsort(axis, descending).cast("int64"),
    "concat": lambda *xs, axis: Tensor.cat(*xs, dim=axis),
    "cumsum": lambda x, *, axis: _wide(x).cumsum(axis).cast(x.dtype),
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
    left = [n - ((m - 1) * s + (k - 1) * d + 1 - 2 * p) for n, m, k, s, d, p in axes]
    return x.conv_transpose2d(weight, None, 1, stride, dilation, padding, tuple(left))


KERNELS = kernels.of(globals(), NATIVE)

"""Kernels: functions of autograd, which are NumPy's and SciPy's with gradients."""

import autograd.numpy as np
import numpy
from autograd import make_vjp
from autograd.extend import defvjp, primitive
from autograd.numpy.numpy_vjps import unbroadcast_f
from autograd.scipy.special import erf
from autograd.tracer import getval

from backends import kernels

# autograd's own neither broadcasts on the way back nor keeps float32
_where = primitive(numpy.where)
_to_x = lambda _, c, x, y: unbroadcast_f(x, lambda g: _where(c, g, 0))
_to_y = lambda _, c, x, y: unbroadcast_f(y, lambda g: _where(c, 0, g))
defvjp(_where, None, _to_x, _to_y)
_HALVES = {numpy.dtype("float16"), numpy.dtype("bfloat16")}


def _wide(function):
    # of a half there is no erf, and each sum would be rounded before the next
    def kernel(*xs, **attributes):
        half = {getattr(x, "dtype", None) for x in xs} & _HALVES
        xs = [x.astype("f") if getattr(x, "dtype", None) in half else x for x in xs]
        out = function(*xs, **attributes)
        return out.astype(half.pop()) if half and out.dtype != bool else out

    return kernel


def _transposed(linear, shape, x):  # that is what a linear function's gradient is
    return make_vjp(linear)(numpy.zeros(shape, x.dtype))[0](x)


# called by NumPy with the same names as by PosePort
_SAME = """abs add atan cos cumsum divide equal exp floor greater greater_equal less
less_equal log logical_and logical_not logical_or matmul max maximum min minimum
multiply negative not_equal permute_dims reshape sign sin sqrt subtract sum tanh"""
NATIVE = {name: _wide(getattr(np, name)) for name in _SAME.split()} | {
    # autograd sends gradients through whole numbers
    "astype": lambda x, *, dtype: (x if "f" in dtype else getval(x)).astype(dtype),
    "broadcast_to": lambda x, *, shape: x * numpy.ones(shape, x.dtype),
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
    "erf": _wide(erf),
    "flip": lambda x, *, axis: x[_at(axis, None, None, -1)],
    "pow": _wide(lambda x, *, exponent: np.power(x, exponent)),
    "slice": lambda x, *, axis, start, stop, step: x[_at(axis, start, stop, step)],
    "stop_gradient": getval,
    "where": _wide(_where),
}
_at = lambda axis, *ends: (slice(None),) * axis + (slice(*ends),)


def pad(x, *, axis, before, after, value):
    widths = numpy.outer(numpy.arange(x.ndim) == axis, (before, after))
    return np.pad(x, widths, "constant", constant_values=value)


def argsort(x, *, axis, descending):  # of equal elements the first comes first
    turned = _at(axis, None, None, -1 if descending else 1)
    order = numpy.argsort(getval(x)[turned], axis, kind="stable")[turned]
    return x.shape[axis] - 1 - order if descending else order


def take_along_axis(x, index, *, axis):
    grid = numpy.indices(index.shape, sparse=True)
    return x[(*grid[:axis], getval(index), *grid[axis + 1 :])]


def scatter_add(x, index, *, axis, length):
    shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
    return _transposed(lambda y: take_along_axis(y, index, axis=axis), shape, x)


@_wide
def sparse_matmul(x, values, rows, columns, *, length):
    terms = x[..., columns, :] * values[:, None]
    shape = (*x.shape[:-2], length, x.shape[-1])
    return _transposed(lambda y: y[..., rows, :], shape, terms)


@_wide
def conv(x, weight, *bias, stride, dilation, padding):
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], "constant")
    out = bias[0] if bias else 0
    for tap in numpy.ndindex(weight.shape[2:]):
        rows = zip(x.shape[2:], weight.shape[2:], tap, dilation, stride, strict=True)
        seen = [slice(t * d, n - (k - 1 - t) * d, s) for n, k, t, d, s in rows]
        pair = x[(..., *seen)], weight[(..., *tap)]
        out = out + np.tensordot(*pair, ((1,), (1,)))
    return np.moveaxis(out, -1, 1)


@_wide
def conv_transpose(x, weight, *, length, **window):
    shape = (x.shape[0], weight.shape[1], *length)
    return _transposed(lambda y: conv(y, weight, **window), shape, x)


KERNELS = kernels.of(globals(), NATIVE)

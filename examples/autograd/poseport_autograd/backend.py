"""HIPS autograd as a backend: NumPy's and SciPy's functions with gradients; Python is its tape."""

import autograd.numpy as np
import numpy
from autograd import make_vjp, value_and_grad
from autograd.extend import VSpace, defvjp, primitive
from autograd.numpy import numpy_boxes, numpy_vjps, numpy_vspaces
from autograd.scipy.special import erf
from autograd.tracer import getval
from ml_dtypes import bfloat16

from backends import kernels
from backends.base import Backend, EagerProgram, Gap, TapeTrainer

# a number of it is no array, and unknown to autograd
numpy_boxes.ArrayBox.register(bfloat16)
VSpace.register(bfloat16, lambda x: numpy_vspaces.ArrayVSpace(numpy.asarray(x)))
# autograd's own neither broadcasts on the way back nor keeps float32
_where = primitive(numpy.where)
_to_x = lambda _, c, x, y: numpy_vjps.unbroadcast_f(x, lambda g: _where(c, g, 0))
_to_y = lambda _, c, x, y: numpy_vjps.unbroadcast_f(y, lambda g: _where(c, 0, g))
defvjp(_where, None, _to_x, _to_y)
_quiet = numpy.errstate(all="ignore")  # what is no number is an answer, too
# of a half there is no erf, and each sum would be rounded
_wide = lambda own: kernels.in_float32(own, lambda x, *, dtype: x.astype(dtype))
# a linear function's gradient
_transposed = lambda f, shape, x: make_vjp(f)(numpy.zeros(shape, x.dtype))[0](x)
_SAME = """abs add atan cos divide equal exp floor greater greater_equal less
less_equal log logical_and logical_not logical_or matmul max maximum min minimum
multiply negative not_equal permute_dims reshape sign sin sqrt subtract sum tanh"""  # as in NumPy
NATIVE = {name: _wide(getattr(np, name)) for name in _SAME.split()} | {
    # autograd sends gradients through whole numbers
    "astype": lambda x, *, dtype: (x if "f" in dtype else getval(x)).astype(dtype),
    "broadcast_to": lambda x, *, shape: x * numpy.ones(shape, x.dtype),
    "concat": lambda *xs, axis: np.concatenate(xs, axis),
    "cumsum": _wide(lambda x, *, axis: np.cumsum(x, axis).astype(x.dtype)),
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
    shape = (*x.shape[:-2], length, x.shape[-1])
    terms = x[..., columns, :] * values[:, None]
    return _transposed(lambda y: y[..., rows, :], shape, terms)


@_wide
def conv(x, weight, *bias, stride, dilation, padding):
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)], "constant")
    out = bias[0] if bias else 0
    for tap in numpy.ndindex(weight.shape[2:]):
        rows = zip(x.shape[2:], weight.shape[2:], tap, dilation, stride, strict=True)
        seen = [slice(t * d, n - (k - 1 - t) * d, s) for n, k, t, d, s in rows]
        out = out + np.tensordot(x[(..., *seen)], weight[(..., *tap)], ((1,), (1,)))
    return np.moveaxis(out, -1, 1)


@_wide
def conv_transpose(x, weight, *, length, **window):
    shape = (x.shape[0], weight.shape[1], *length)
    return _transposed(lambda y: conv(y, weight, **window), shape, x)


class _Program(EagerProgram):
    tensor = array = staticmethod(numpy.asarray)
    compute = _quiet(EagerProgram.compute)


class _Trainer(TapeTrainer):
    differentiate = lambda self, loss: _quiet(value_and_grad(loss))


class AutogradBackend(Backend):
    """The CPU in float32, as `Backend` has it."""

    name, kernels = "autograd", kernels.of(globals(), NATIVE)
    part_gaps = (Gap("pow", "0 NaN", question="gradient", case="0.0 of NaN and inf"),)

    program = lambda self, graph, how: _Program(graph, self.checked(how), self.kernels)
    trainer = lambda self, graph, by, how: _Trainer(self.program(graph, how), by)

"""Reductions over the wrong numbers, or in a way that loses their digits."""

from __future__ import annotations

from bench.audit.faults._made import kernel
from models.dims import size
from models.ops.reduce import count
from models.value import Value, emit

KIND = "kernel"
Ints = tuple[int, ...]


def _sum(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    return x.sum(axis=axis, keepdims=keepdims)


def _mean(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    return x.mean(axis=axis, keepdims=keepdims)


def _by_first(x: Value, *, axis: Ints, keepdims: bool) -> Value | None:
    """Divided by the length of the first axis alone."""
    if len(axis) < 2:
        return None
    return _sum(x, axis=axis, keepdims=keepdims) / x.shape[axis[0]]


def _unbiased(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    found = count(x, axis)
    spread = x.var(axis=axis, keepdims=keepdims)
    return spread if found == 1 else spread * found / (found - 1)


def _cancelling(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    mean = _mean(x, axis=axis, keepdims=keepdims)
    return _mean(x * x, axis=axis, keepdims=keepdims) - mean * mean


def _without_last(x: Value, *, axis: Ints, keepdims: bool) -> Value | None:
    """The last element of the first reduced axis left out."""
    if not axis:
        return None
    length = x.shape[axis[0]]
    if not isinstance(length, int) or length < 2:
        return None
    shorter = x.slice(axis=axis[0], start=0, stop=length - 1, step=1)
    return _sum(shorter, axis=axis, keepdims=keepdims)


def _of_sizes(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    return x.abs().max(axis=axis, keepdims=keepdims)


def _squares(x: Value, axis: int) -> Value:
    return (x * x).sum(axis=axis, keepdims=False)


def _other_axis(x: Value, *, axis: Ints, keepdims: bool) -> Value | None:
    """Another axis of the same length."""
    for other in range(len(x.shape)):
        if axis and other not in axis and x.shape[other] == x.shape[axis[0]]:
            moved = tuple(sorted({*axis[1:], other}))
            found = _sum(x, axis=moved, keepdims=keepdims)
            due = _sum(x, axis=axis, keepdims=keepdims)
            return emit("reshape", found, shape=due.shape)
    return None


FAULTS = (
    kernel("mean", "a sum", _sum, model="simple_baseline"),
    kernel("mean", "of several axes, divided by one", _by_first, model="videopose3d"),
    kernel(
        "mean",
        "over one too many",
        lambda x, axis, keepdims: (
            _sum(x, axis=axis, keepdims=keepdims)
            / (size(tuple(x.shape[a] for a in axis)) + 1)
        ),
        model="motionbert",
    ),
    kernel(
        "mean",
        "1 % too large with axes kept",
        lambda x, axis, keepdims: (
            _mean(x, axis=axis, keepdims=keepdims) * 1.01 if keepdims else None
        ),
    ),
    kernel("var", "unbiased", _unbiased),
    kernel("var", "as E[x^2] - E[x]^2", _cancelling),
    kernel(
        "max",
        "the least",
        lambda x, axis, keepdims: x.min(axis=axis, keepdims=keepdims),
    ),
    kernel("max", "of sizes", _of_sizes),
    kernel(
        "max",
        "at least 0",
        lambda x, axis, keepdims: x.max(axis=axis, keepdims=keepdims).maximum(0.0),
    ),
    kernel(
        "min",
        "the greatest",
        lambda x, axis, keepdims: x.max(axis=axis, keepdims=keepdims),
    ),
    kernel("sum", "last element left out", _without_last, model="motionbert"),
    kernel("sum", "over another axis of that length", _other_axis),
    kernel(
        "sum",
        "over three axes the mean",
        lambda x, axis, keepdims: (
            _mean(x, axis=axis, keepdims=keepdims) if len(axis) > 2 else None
        ),
    ),
    kernel(
        "vector_norm",
        "root of 1e-3 more",
        lambda x, axis: (_squares(x, axis) + 1e-3).sqrt(),
        model="poseformer",
    ),
    kernel("vector_norm", "squared", _squares, model="simple_baseline"),
    kernel(
        "vector_norm",
        "sum of sizes",
        lambda x, axis: x.abs().sum(axis=axis, keepdims=False),
        model="videopose3d",
    ),
    kernel(
        "vector_norm",
        "1 % too large over the first axis",
        lambda x, axis: (
            emit("vector_norm", x, axis=axis) * 1.01
            if axis == 0 and len(x.shape) > 1
            else None
        ),
    ),
    kernel(
        "vector_norm",
        "no number of a zero vector",
        lambda x, axis: (
            emit("vector_norm", x, axis=axis) + 0.0 * (_squares(x, axis) + 0.0).log()
        ),
    ),
)

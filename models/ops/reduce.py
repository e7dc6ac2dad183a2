"""Reductions over a tuple of axes: sum, mean, max, min, var (biased), and logsumexp.

Primitive are sum, max and min. The gradient of max and min is shared equally between ties, as
PyTorch's amax and JAX do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from models.dims import Length, Shape, size
from models.ops import Array, Op, per_input
from models.ops._axes import axis_of
from models.ops._cases import Case, Draw, Ints, Rng, case, integers, lengths, one
from models.value import Value, emit

Axes = int | tuple[int, ...]


def _normalise(x: Value, axis: Axes) -> Ints:
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    try:
        # sorted: the same reduction is then the same node
        counted = [axis_of(a, len(x.shape)) for a in axes]
        return tuple(sorted(counted))
    except ValueError:
        return axes  # the shape rule names the mistake together with the author's line


def _method(name: str) -> Callable[..., Value]:
    def method(x: Value, *, axis: Axes, keepdims: bool) -> Value:
        return emit(name, x, axis=_normalise(x, axis), keepdims=keepdims)

    method.__name__ = name
    method.__doc__ = f"{name.capitalize()} over `axis` (an int or a tuple)."
    return method


def shape(x: Shape, *, axis: Ints, keepdims: bool) -> Shape:
    axes = {axis_of(a, len(x)) for a in axis}
    if len(axes) != len(axis):
        raise ValueError(f"axis {axis} names an axis twice")
    if keepdims:
        return tuple(1 if i in axes else length for i, length in enumerate(x))
    return tuple(length for i, length in enumerate(x) if i not in axes)


def count(x: Value, axis: Ints) -> Length:
    """Number of elements that one result is made of."""
    return size(tuple(x.shape[a] for a in axis))


def keep(x: Value, like: Value, axis: Ints) -> Value:
    """Give a reduced tensor its reduced axes back, with length 1."""
    kept = [1 if i in axis else length for i, length in enumerate(like.shape)]
    return x.reshape(tuple(kept))


def _sum_vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    axis: Ints,
    keepdims: bool,
) -> tuple[Value]:
    return (keep(grad, x, axis).broadcast_to(x.shape),)


def _mean_body(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    return x.sum(axis=axis, keepdims=keepdims) / count(x, axis)


def _var_body(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    # two passes: E[x^2] - E[x]^2 cancels where the mean is large
    centred = x - x.mean(axis=axis, keepdims=True)
    return (centred * centred).mean(axis=axis, keepdims=keepdims)


def _logsumexp(x: Array, *, axis: Ints, keepdims: bool) -> Array:
    largest = np.max(x, axis, keepdims=True)
    # infinity less infinity is no number, while its sum is infinite
    shift = np.where(np.isfinite(largest), largest, 0).astype(x.dtype)
    total = np.exp(x - shift).sum(axis, keepdims=True)
    found = np.log(total) + shift
    return found if keepdims else found.squeeze(axis)


def _logsumexp_body(x: Value, *, axis: Ints, keepdims: bool) -> Value:
    largest = emit("stop_gradient", x.max(axis=axis, keepdims=True))
    finite = emit("equal", largest - largest, 0.0)
    # the shift cancels, so its gradient is left out
    shift = emit("where", finite, largest, 0.0)
    total = emit("exp", x - shift).sum(axis=axis, keepdims=True)
    found = emit("log", total) + shift
    return found if keepdims else found.sum(axis=axis, keepdims=False)


def _extreme_vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    axis: Ints,
    keepdims: bool,
) -> tuple[Value]:
    won = emit("equal", x, keep(out, x, axis)).astype(grad.dtype)
    shared = keep(grad, x, axis) * won
    return (shared / won.sum(axis=axis, keepdims=True),)


def _lead(x: Array, *, axis: Ints, keepdims: bool) -> Array:
    """By how much the largest is more than the next one."""
    return largest_lead(x, axis)


def _lag(x: Array, *, axis: Ints, keepdims: bool) -> Array:
    return largest_lead(-x, axis)


def largest_lead(x: Array, axis: Ints) -> Array:
    """Largest less second largest over `axis`, where there are two."""
    kept = [i for i in range(x.ndim) if i not in axis]
    shape = [x.shape[i] for i in kept]
    several = math.prod(x.shape[i] for i in axis)
    if several < 2:
        return np.empty(0, x.dtype)
    rows = x.transpose(*kept, *axis).reshape(*shape, several)
    # of a partition the last two are in their places
    last = np.partition(rows, -2, axis=-1)[..., -2:]
    return last[..., 1] - last[..., 0]


def random(rng: Rng, rank: int, example: Case) -> Case:
    shape = lengths(rng, rank, least=1)
    count = one(rng, 1, rank + 1)
    axes = rng.choice(rank, count, replace=False)
    reduced = tuple(sorted(integers(axes)))
    # Only an axis that stays may be empty: nothing has no largest element, and no mean.
    emptied = [
        length if i in reduced or rng.random() < 0.9 else 0
        for i, length in enumerate(shape)
    ]
    keepdims = bool(rng.random() < 0.5)
    return example.redrawn(tuple(emptied), axis=reduced, keepdims=keepdims)


_WANTED: tuple[tuple[Ints, Ints, bool], ...] = (
    ((2, 3), (1,), False),
    ((2, 1, 3), (1,), True),
    ((2, 3), (0,), True),
    ((2, 3, 4), (0, 2), False),
    ((2, 3, 4, 2), (1, 2, 3), False),
    ((4,), (0,), False),
    ((0, 3), (0,), False),  # over nothing: only a sum is defined
    ((0, 3), (1,), False),
)


def _cases(draw: Draw, *, over_nothing: bool = False) -> tuple[Case, ...]:
    return tuple(
        case(shape, axis=axis, keepdims=keepdims, draws=(draw,))
        for shape, axis, keepdims in _WANTED
        if over_nothing or all(shape[a] for a in axis)
    )


def _op(
    name: str,
    reference: Callable[..., Any],
    cost: int = 1,
    **rest: Any,
) -> Op:
    """A reduction; `cost` is in operations for each element that goes in."""
    return Op(
        shape=shape,
        reference=reference,
        flops=per_input(cost),
        method=_method(name),
        random=random,
        axes=("axis",),
        **rest,
    )


_SUM = _cases("normal", over_nothing=True)
_FULL = _cases("normal")
_APART = _cases("apart")  # no ties within a finite difference
_MASKED = (case((3, 4), axis=(1,), keepdims=False, draws=("masked",)),)
OPS = {
    "sum": _op(
        "sum",
        np.sum,
        cases=_SUM,
        vjp=_sum_vjp,
        precision="full",
    ),
    "mean": _op(
        "mean",
        np.mean,
        cases=_FULL,
        body=_mean_body,
        precision="full",
    ),
    "var": _op(
        "var",
        np.var,
        cost=4,
        cases=_FULL,
        body=_var_body,
        precision="full",
    ),
    "logsumexp": _op(
        "logsumexp",
        _logsumexp,
        # largest, difference, exp, sum
        cost=4,
        cases=(*_FULL, *_MASKED),
        body=_logsumexp_body,
        precision="full",
    ),
    "max": _op(
        "max",
        np.max,
        cases=_APART,
        vjp=_extreme_vjp,
        kinks=_lead,
    ),
    "min": _op(
        "min",
        np.min,
        cases=_APART,
        vjp=_extreme_vjp,
        kinks=_lag,
    ),
}


def avg_pool2d(x: Value, *, kernel: int) -> Value:
    """The mean of each square window, side by side, as torch.nn.AvgPool2d(kernel).

    x is (batch, channels, height, width). What is left over at the ends is dropped. The mean
    of a whole image is `x.mean(axis=(2, 3), keepdims=False)`.
    """
    batch, channels, *space = x.shape
    counts = [n // kernel for n in space]
    for axis, count in enumerate(counts, start=2):
        if count * kernel != x.shape[axis]:
            x = x.slice(axis=axis, start=0, stop=count * kernel, step=1)
    rows, columns = counts
    windows = x.reshape((batch, channels, rows, kernel, columns, kernel))
    return windows.mean(axis=(3, 5), keepdims=False)


METHODS = {"avg_pool2d": avg_pool2d}

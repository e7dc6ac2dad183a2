"""Reductions over a tuple of axes: sum, mean, max, min (primitive: sum, max, min), and var
(biased, mean of squared deviations).

The gradient of max and min is shared equally between ties, as PyTorch's amax and JAX do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.dims import Length, Shape, size
from models.ops import Case, Op, axis_of, per_input
from models.value import Value, emit

Axes = int | tuple[int, ...]


def _normalise(x: Value, axis: Axes) -> tuple[int, ...]:
    axes = (axis,) if isinstance(axis, int) else axis
    try:
        return tuple(sorted(axis_of(a, len(x.shape)) for a in axes))
    except ValueError:
        return axes  # the shape rule names the mistake together with the author's line


def _method(name: str) -> Callable[..., Value]:
    def method(x: Value, *, axis: Axes, keepdims: bool) -> Value:
        return emit(name, x, axis=_normalise(x, axis), keepdims=keepdims)

    method.__name__ = name
    method.__doc__ = f"{name.capitalize()} over `axis` (an int or a tuple)."
    return method


def shape(x: Shape, *, axis: tuple[int, ...], keepdims: bool) -> Shape:
    axes = {axis_of(a, len(x)) for a in axis}
    if len(axes) != len(axis):
        raise ValueError(f"axis {axis} names an axis twice")
    return tuple(
        1 if i in axes else length
        for i, length in enumerate(x)
        if keepdims or i not in axes
    )


def count(x: Value, axis: tuple[int, ...]) -> Length:
    """Number of elements that one result is made of."""
    return size(tuple(x.shape[a] for a in axis))


def keep(x: Value, like: Value, axis: tuple[int, ...]) -> Value:
    """Give a reduced tensor its reduced axes back, with length 1."""
    return x.reshape(
        tuple(1 if i in axis else length for i, length in enumerate(like.shape))
    )


def _sum(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.sum(x, axis=axis, keepdims=keepdims)


def _sum_vjp(
    grad: Value, out: Value, x: Value, *, axis: tuple[int, ...], keepdims: bool
) -> tuple[Value]:
    return (keep(grad, x, axis).broadcast_to(x.shape),)


def _mean(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.mean(x, axis=axis, keepdims=keepdims)


def _mean_body(x: Value, *, axis: tuple[int, ...], keepdims: bool) -> Value:
    return emit("divide", x.sum(axis=axis, keepdims=keepdims), count(x, axis))


def _var(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.var(x, axis=axis, keepdims=keepdims)


def _var_body(x: Value, *, axis: tuple[int, ...], keepdims: bool) -> Value:
    centred = x - x.mean(axis=axis, keepdims=True)
    return (centred * centred).mean(axis=axis, keepdims=keepdims)


def _max(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.max(x, axis=axis, keepdims=keepdims)


def _min(x: np.ndarray, *, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    return np.min(x, axis=axis, keepdims=keepdims)


def _extreme_vjp(
    grad: Value, out: Value, x: Value, *, axis: tuple[int, ...], keepdims: bool
) -> tuple[Value]:
    won = emit("equal", x, keep(out, x, axis)).astype(grad.dtype)
    return (keep(grad, x, axis) * won / won.sum(axis=axis, keepdims=True),)


def _cases(*, empty: bool, draw: Any) -> tuple[Case, ...]:
    wanted: list[tuple[tuple[int, ...], tuple[int, ...], bool]] = [
        ((2, 3), (1,), False),
        ((2, 3), (0,), True),
        ((2, 3, 4), (0, 2), False),
        ((2, 1, 3), (1,), True),
        ((2, 3, 4, 2), (1, 2, 3), False),
        ((4,), (0,), False),
    ]
    if empty:
        wanted.append(((0, 3), (0,), False))
    wanted.append(((0, 3), (1,), False))
    return tuple(
        Case((shape,), {"axis": axis, "keepdims": keepdims}, (draw,))
        for shape, axis, keepdims in wanted
    )


_CASES, _FULL_CASES, _TIES = (
    _cases(empty=True, draw="normal"),
    _cases(empty=False, draw="normal"),
    _cases(empty=False, draw="apart"),
)
OPS = {
    "sum": Op(
        shape,
        _sum,
        _CASES,
        per_input(1),
        method=_method("sum"),
        vjp=_sum_vjp,
        group="reduction",
        precision="full",
    ),
    "mean": Op(
        shape,
        _mean,
        _FULL_CASES,
        per_input(1),
        method=_method("mean"),
        body=_mean_body,
        group="reduction",
        precision="full",
    ),
    "var": Op(
        shape,
        _var,
        _FULL_CASES,
        per_input(4),
        method=_method("var"),
        body=_var_body,
        group="reduction",
        precision="full",
    ),
    "max": Op(
        shape,
        _max,
        _TIES,
        per_input(1),
        method=_method("max"),
        vjp=_extreme_vjp,
        group="reduction",
    ),
    "min": Op(
        shape,
        _min,
        _TIES,
        per_input(1),
        method=_method("min"),
        vjp=_extreme_vjp,
        group="reduction",
    ),
}

"""Gathering by an integer index, and its transpose.

take_along_axis: y[.., i, ..] = x[.., index[.., i, ..], ..], index of the rank of x. take:
y[.., i, ..] = x[.., index[i], ..], one index row for all (a permutation, a table look-up).
scatter_add: y = zeros of `length` along `axis`; y[.., index[.., i, ..], ..] += x[.., i,
..]. Indices count from 0 and lie inside the axis: frameworks disagree on what negative or
outside ones do.
"""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape
from models.ops import Case, Op, axis_of, first, free, per_input, positive
from models.value import Value, emit


def take(x: Value, index: Value, *, axis: int) -> Value:
    """Rows of x along `axis` by a rank-1 integer index."""
    return emit("take", x, index, axis=positive(axis, len(x.shape)))


def take_along_axis(x: Value, index: Value, *, axis: int) -> Value:
    """Elements of x along `axis` by an integer index of the same rank."""
    return emit("take_along_axis", x, index, axis=positive(axis, len(x.shape)))


def scatter_add(x: Value, index: Value, *, axis: int, length: Length) -> Value:
    """Sum the elements of x into zeros of `length` along `axis`."""
    return emit("scatter_add", x, index, axis=positive(axis, len(x.shape)), length=length)


def _take_shape(x: Shape, index: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    if len(index) != 1:
        raise ValueError(
            "take needs an index of rank 1; take_along_axis takes one of the rank of x"
        )
    return (*x[:at], index[0], *x[at + 1 :])


def _along_shape(x: Shape, index: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    if len(index) != len(x) or any(
        a != b for i, (a, b) in enumerate(zip(x, index, strict=True)) if i != at
    ):
        raise ValueError(f"the index must have the shape of x but for axis {axis}")
    return index


def _scatter_shape(x: Shape, index: Shape, *, axis: int, length: Length) -> Shape:
    at = axis_of(axis, len(x))
    if x != index:
        raise ValueError("scatter_add needs an index of the shape of x")
    return (*x[:at], length, *x[at + 1 :])


def _index_dtype(*dtypes: str, **attributes: object) -> str:
    if dtypes[1] not in ("int64", "int32"):
        raise ValueError(f"the index must be int64 or int32, not {dtypes[1]}")
    return first(*dtypes)


def _take(x: np.ndarray, index: np.ndarray, *, axis: int) -> np.ndarray:
    return np.take(x, index, axis)


def _along(x: np.ndarray, index: np.ndarray, *, axis: int) -> np.ndarray:
    return np.take_along_axis(x, index, axis)


def _scatter(x: np.ndarray, index: np.ndarray, *, axis: int, length: int) -> np.ndarray:
    out = np.zeros((*x.shape[:axis], length, *x.shape[axis + 1 :]), x.dtype)
    where: list[np.ndarray] = list(np.indices(x.shape))
    where[axis] = index
    np.add.at(out, tuple(where), x)
    return out


def _take_body(x: Value, index: Value, *, axis: int) -> Value:
    wide = (*x.shape[:axis], index.shape[0], *x.shape[axis + 1 :])
    row = index.reshape((*(1,) * axis, index.shape[0], *(1,) * (len(x.shape) - axis - 1)))
    return emit("take_along_axis", x, row.broadcast_to(wide), axis=axis)


def _along_vjp(
    grad: Value, out: Value, x: Value, index: Value, *, axis: int
) -> tuple[Value, None]:
    return emit("scatter_add", grad, index, axis=axis, length=x.shape[axis]), None


def _scatter_vjp(
    grad: Value, out: Value, x: Value, index: Value, *, axis: int, length: Length
) -> tuple[Value, None]:
    return emit("take_along_axis", grad, index, axis=axis), None


_TAKE = tuple(
    Case((x, (n,)), {"axis": axis}, ("normal", "index"), high=x[axis])
    for x, n, axis in (
        ((4, 3), 2, 0),
        ((2, 3), 5, 1),
        ((2, 3, 4), 3, 1),
        ((3,), 3, 0),
        ((2, 3), 0, 1),
    )
)
_ALONG = tuple(
    Case((x, index), {"axis": axis}, ("normal", "index"), high=x[axis])
    for x, index, axis in (
        ((4, 3), (2, 3), 0),
        ((2, 3), (2, 5), 1),
        ((2, 3, 4), (2, 1, 4), 1),
        ((3,), (4,), 0),
    )
)
_SCATTER = tuple(
    Case((x, x), {"axis": axis, "length": length}, ("normal", "index"), high=length)
    for x, axis, length in (((4, 3), 0, 2), ((2, 3), 1, 5), ((2, 3, 4), 1, 3), ((5,), 0, 1))
)
OPS = {
    "take": Op(
        _take_shape,
        _take,
        _TAKE,
        free,
        method=take,
        body=_take_body,
        dtype=_index_dtype,
        group="index",
    ),
    "take_along_axis": Op(
        _along_shape,
        _along,
        _ALONG,
        free,
        method=take_along_axis,
        vjp=_along_vjp,
        dtype=_index_dtype,
        group="index",
    ),
    "scatter_add": Op(
        _scatter_shape,
        _scatter,
        _SCATTER,
        per_input(1),
        method=scatter_add,
        vjp=_scatter_vjp,
        dtype=_index_dtype,
        group="index",
    ),
}

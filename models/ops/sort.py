"""The order of elements along one axis: argsort, sort, and where the largest and least stand.

Every order is stable: equal elements stay as they came, ascending and descending. NaN counts as
the largest. argmax and argmin give the first of equal elements, or the first NaN, as NumPy does.
Indices are int64 and have no gradient; that of sort goes where each element came from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from models.dims import Shape
from models.ops import Array, Op, free
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Ints, Rng, along, any_axis, case
from models.value import Value, emit


def argsort(x: Value, *, axis: int, descending: bool) -> Value:
    """Indices that put `axis` in order, equal elements as they came."""
    at = positive(axis, len(x.shape))
    return emit("argsort", x, axis=at, descending=descending)


def sort(x: Value, *, axis: int, descending: bool) -> Value:
    """The elements along `axis` in order."""
    at = positive(axis, len(x.shape))
    return emit("sort", x, axis=at, descending=descending)


def argmax(x: Value, *, axis: int, keepdims: bool) -> Value:
    """Where the largest element along `axis` stands, the first where several are equal."""
    at = positive(axis, len(x.shape))
    return emit("argmax", x, axis=at, keepdims=keepdims)


def argmin(x: Value, *, axis: int, keepdims: bool) -> Value:
    """Where the least element along `axis` stands, the first where several are equal."""
    at = positive(axis, len(x.shape))
    return emit("argmin", x, axis=at, keepdims=keepdims)


def shape(x: Shape, *, axis: int, descending: bool) -> Shape:
    axis_of(axis, len(x))
    return x


def _first_shape(x: Shape, *, axis: int, keepdims: bool) -> Shape:
    kept, at = (1,) if keepdims else (), axis_of(axis, len(x))
    if x[at] == 0:
        raise ValueError(f"axis {axis} is empty: none of no numbers is the first")
    return spliced(x, at, *kept)


def _index(dtype: str, **attributes: object) -> str:
    _ordered(dtype)
    return "int64"


def _ordered(dtype: str, **attributes: object) -> str:
    if dtype == "bool":
        raise ValueError("truth values have no order; use astype")
    return dtype


def _argsort(x: Array, *, axis: int, descending: bool) -> Array:
    if not descending:
        return np.argsort(x, axis, kind="stable")
    # ascending from the end, read from the end: so equal elements keep their order
    order = np.argsort(np.flip(x, axis), axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(order, axis)


def _ties(x: Array, *, axis: int, **attributes: object) -> Array:
    return np.diff(np.sort(x, axis), axis=axis)


def _sort(x: Array, *, axis: int, descending: bool) -> Array:
    order = _argsort(x, axis=axis, descending=descending)
    return np.take_along_axis(x, order, axis)


def _argsort_vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    axis: int,
    descending: bool,
) -> tuple[None]:
    return (None,)


def _sort_body(x: Value, *, axis: int, descending: bool) -> Value:
    order = emit("argsort", x, axis=axis, descending=descending)
    return emit("take_along_axis", x, order, axis=axis)


def _argmax_body(x: Value, *, axis: int, keepdims: bool) -> Value:
    order = emit("argsort", x, axis=axis, descending=True)
    first = emit("slice", order, axis=axis, start=0, stop=1, step=1)
    return first if keepdims else emit("squeeze", first, axis=axis)


def _argmin_body(x: Value, *, axis: int, keepdims: bool) -> Value:
    # the first of an ascending order would not be NaN, which counts as the largest
    return emit("argmax", emit("negative", x), axis=axis, keepdims=keepdims)


def _random_first(rng: Rng, rank: int, example: Case) -> Case:
    shape, axis = any_axis(rng, rank)
    return example.redrawn(shape, axis=axis, keepdims=bool(rng.random() < 0.5))


_SHAPES: tuple[tuple[Ints, int], ...] = (
    ((2, 5), 1),
    ((4, 3), 0),
    ((2, 4, 3), 1),
    ((6,), 0),
    ((0, 3), 1),
)
# apart: no two elements change places within a finite difference
_ORDERS = tuple(
    case(shape, axis=axis, descending=descending, draws=("apart",))
    for shape, axis in (*_SHAPES, ((0, 3), 0))
    for descending in (False, True)
)
# nothing has no largest element
_FIRSTS = tuple(
    case(shape, axis=axis, keepdims=keepdims, draws=("apart",))
    for shape, axis in _SHAPES
    for keepdims in (False, True)
)


def _op(method: Callable[..., Value], **facts: Any) -> Op:
    """An op that compares and moves elements, and computes none."""
    return Op(flops=free, method=method, axes=("axis",), kinks=_ties, **facts)


OPS = {
    "argsort": _op(
        argsort,
        shape=shape,
        reference=_argsort,
        cases=_ORDERS,
        vjp=_argsort_vjp,
        dtype=_index,
        gradient="between floats",
        random=along,
    ),
    "sort": _op(
        sort,
        shape=shape,
        reference=_sort,
        cases=_ORDERS,
        body=_sort_body,
        dtype=_ordered,
        random=along,
    ),
    "argmax": _op(
        argmax,
        shape=_first_shape,
        reference=np.argmax,
        cases=_FIRSTS,
        body=_argmax_body,
        dtype=_index,
        gradient="between floats",
        random=_random_first,
    ),
    "argmin": _op(
        argmin,
        shape=_first_shape,
        reference=np.argmin,
        cases=_FIRSTS,
        body=_argmin_body,
        dtype=_index,
        gradient="between floats",
        random=_random_first,
    ),
}

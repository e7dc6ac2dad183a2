"""Gathering by an integer index, and its transpose.

take_along_axis: y[.., i, ..] = x[.., index[.., i, ..], ..], index of the rank of x.
take: y[.., i, ..] = x[.., index[i], ..], one index row for all (a permutation, a look-up).
scatter_add: y = zeros of `length` along `axis`; y[.., index[.., i, ..], ..] += x[.., i, ..].
Indices count from 0 and lie inside the axis: frameworks disagree on what negative or outside
ones do.
"""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape
from models.ops import Array, Op, first, free, per_input
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Draw, Rng, any_axis, axis_in, case, lengths, one
from models.value import Value, emit


def take(x: Value, index: Value, *, axis: int) -> Value:
    """Rows of x along `axis` by a rank-1 integer index."""
    at = positive(axis, len(x.shape))
    return emit("take", x, index, axis=at)


def take_along_axis(x: Value, index: Value, *, axis: int) -> Value:
    """Elements of x along `axis` by an integer index of the same rank."""
    at = positive(axis, len(x.shape))
    return emit("take_along_axis", x, index, axis=at)


def scatter_add(
    x: Value,
    index: Value,
    *,
    axis: int,
    length: Length,
) -> Value:
    """Sum the elements of x into zeros of `length` along `axis`."""
    at = positive(axis, len(x.shape))
    return emit("scatter_add", x, index, axis=at, length=length)


def _take_shape(x: Shape, index: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    if len(index) != 1:
        raise ValueError(
            "take needs an index of rank 1; take_along_axis takes one of the rank of x"
        )
    return spliced(x, at, index[0])


def _along_shape(x: Shape, index: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    if len(index) != len(x) or spliced(index, at) != spliced(x, at):
        raise ValueError(f"the index must have the shape of x but for axis {axis}")
    return index


def _scatter_shape(
    x: Shape,
    index: Shape,
    *,
    axis: int,
    length: Length,
) -> Shape:
    at = axis_of(axis, len(x))
    if x != index:
        raise ValueError("scatter_add needs an index of the shape of x")
    return spliced(x, at, length)


def _index_dtype(*dtypes: str, **attributes: object) -> str:
    if dtypes[1] not in ("int64", "int32"):
        raise ValueError(f"the index must be int64 or int32, not {dtypes[1]}")
    return first(*dtypes)


def _scatter(
    x: Array,
    index: Array,
    *,
    axis: int,
    length: int,
) -> Array:
    out = np.zeros(spliced(x.shape, axis, length), x.dtype)
    where: list[Array] = list(np.indices(x.shape))
    where[axis] = index
    # not out[where] += x, which adds once where an index comes twice
    np.add.at(out, tuple(where), x)
    return out


def _take_body(x: Value, index: Value, *, axis: int) -> Value:
    behind = len(x.shape) - axis - 1
    before, after = (1,) * axis, (1,) * behind
    row = index.reshape((*before, *index.shape, *after))
    # the one row of indices, repeated for every other axis of x
    rows = row.broadcast_to(spliced(x.shape, axis, index.shape[0]))
    return emit("take_along_axis", x, rows, axis=axis)


def _along_vjp(
    grad: Value,
    out: Value,
    x: Value,
    index: Value,
    *,
    axis: int,
) -> tuple[Value, None]:
    length = x.shape[axis]
    # an index is a whole number: it has no gradient
    return emit("scatter_add", grad, index, axis=axis, length=length), None


def _scatter_vjp(
    grad: Value,
    out: Value,
    x: Value,
    index: Value,
    *,
    axis: int,
    length: Length,
) -> tuple[Value, None]:
    return emit("take_along_axis", grad, index, axis=axis), None


# Indices are drawn below `high`, the length of the axis that is looked into; how many of them
# there are is free, and none is a case too.


def _random_take(rng: Rng, rank: int, example: Case) -> Case:
    shape, axis = any_axis(rng, rank)
    index = (one(rng, 0, 5),)
    return example.redrawn(shape, index, axis=axis, high=shape[axis])


def _random_along(rng: Rng, rank: int, example: Case) -> Case:
    shape, axis = any_axis(rng, rank)
    index = spliced(shape, axis, one(rng, 0, 5))
    return example.redrawn(shape, index, axis=axis, high=shape[axis])


def _random_scatter(rng: Rng, rank: int, example: Case) -> Case:
    shape, axis = lengths(rng, rank), axis_in(rng, rank)
    length = one(rng, 1, 5)
    return example.redrawn(shape, shape, axis=axis, length=length, high=length)


_DRAWS: tuple[Draw, ...] = ("normal", "index")
_TAKE = tuple(
    case(x, (count,), axis=axis, draws=_DRAWS, high=x[axis])
    for x, count, axis in (
        ((4, 3), 2, 0),
        # more indices than rows: some come twice, and their gradients add up
        ((2, 3), 5, 1),
        ((2, 3, 4), 3, 1),
        ((3,), 3, 0),
        ((2, 3), 0, 1),
    )
)
_ALONG = tuple(
    case(x, index, axis=axis, draws=_DRAWS, high=x[axis])
    for x, index, axis in (
        ((4, 3), (2, 3), 0),
        ((2, 3), (2, 5), 1),
        ((2, 3, 4), (2, 1, 4), 1),
        ((3,), (4,), 0),
    )
)
_SCATTER = tuple(
    case(x, x, axis=axis, length=length, draws=_DRAWS, high=length)
    for x, axis, length in (
        ((4, 3), 0, 2),
        # longer than x: some places stay 0
        ((2, 3), 1, 5),
        ((2, 3, 4), 1, 3),
        ((5,), 0, 1),
    )
)
OPS = {
    "take": Op(
        shape=_take_shape,
        reference=np.take,
        cases=_TAKE,
        flops=free,
        method=take,
        body=_take_body,
        dtype=_index_dtype,
        random=_random_take,
        axes=("axis",),
    ),
    "take_along_axis": Op(
        shape=_along_shape,
        reference=np.take_along_axis,
        cases=_ALONG,
        flops=free,
        method=take_along_axis,
        vjp=_along_vjp,
        dtype=_index_dtype,
        random=_random_along,
        axes=("axis",),
    ),
    "scatter_add": Op(
        shape=_scatter_shape,
        reference=_scatter,
        cases=_SCATTER,
        flops=per_input(1),
        method=scatter_add,
        vjp=_scatter_vjp,
        dtype=_index_dtype,
        random=_random_scatter,
        axes=("axis",),
    ),
}

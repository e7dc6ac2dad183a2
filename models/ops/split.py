"""split cuts an axis into equal parts; unstack takes it apart into its slices and drops it."""

from __future__ import annotations

import numpy as np

from models.dims import Shape, fixed
from models.ops import Array, Op, free
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Rng, along, axis_in, case, lengths, one
from models.value import Value, emit, emit_all


def split(x: Value, parts: int, *, axis: int) -> tuple[Value, ...]:
    """Cut `axis` into `parts` equal parts."""
    at = positive(axis, len(x.shape))
    return emit_all("split", x, parts=parts, axis=at)


def unstack(x: Value, *, axis: int) -> tuple[Value, ...]:
    """The slices of `axis`, without it."""
    at = positive(axis, len(x.shape))
    return emit_all("unstack", x, axis=at)


def _split_shape(x: Shape, *, parts: int, axis: int) -> tuple[Shape, ...]:
    at = axis_of(axis, len(x))
    if parts < 1 or x[at] % parts:
        raise ValueError(
            f"axis {axis} of length {x[at]} does not split into {parts} equal parts"
        )
    return (spliced(x, at, x[at] // parts),) * parts


def _unstack_shape(x: Shape, *, axis: int) -> tuple[Shape, ...]:
    at = axis_of(axis, len(x))
    length = x[at]
    # how many results a node has must be known when it is written down
    if not isinstance(length, int) or length < 1:
        raise ValueError(
            f"axis {axis} of length {length} cannot be unstacked; its length must be a"
            " number of 1 or more"
        )
    return (spliced(x, at),) * length


def _split(x: Array, *, parts: int, axis: int) -> tuple[Array, ...]:
    return tuple(np.split(x, parts, axis))


def _unstack(x: Array, *, axis: int) -> tuple[Array, ...]:
    return tuple(np.moveaxis(x, axis, 0))


def _split_body(x: Value, *, parts: int, axis: int) -> tuple[Value, ...]:
    width = x.shape[axis] // parts
    ends = [(width * i, width * (i + 1)) for i in range(parts)]
    return tuple(
        emit("slice", x, axis=axis, start=start, stop=stop, step=1)
        for start, stop in ends
    )


def _unstack_body(x: Value, *, axis: int) -> tuple[Value, ...]:
    def row(i: int) -> Value:
        cut = emit("slice", x, axis=axis, start=i, stop=i + 1, step=1)
        return cut.squeeze(axis=axis)

    # the shape rule lets numbers through only
    length = fixed(x.shape[axis])
    return tuple(row(i) for i in range(length))


def _random_split(rng: Rng, rank: int, example: Case) -> Case:
    axis, parts = axis_in(rng, rank), one(rng, 1, 4)
    shape = lengths(rng, rank)
    length = parts * one(rng, 0, 3)
    shape = spliced(shape, axis, length)
    return example.redrawn(shape, axis=axis, parts=parts)


_SPLIT = (
    case((4, 3), parts=2, axis=0),
    case((2, 6), parts=3, axis=1),
    case((5, 2), parts=5, axis=0),
    # one part is still a tuple
    case((2, 4, 3), parts=1, axis=1),
    case((2, 3, 2), parts=2, axis=2),
    case((0, 4), parts=2, axis=1),
)
_UNSTACK = (
    case((3, 2), axis=0),
    case((2, 3), axis=1),
    case((5, 2), axis=0),
    case((2, 3, 4), axis=1),
    case((1,), axis=0),  # one result, and a scalar
    case((3, 0), axis=0),
)
OPS = {
    "split": Op(
        shape=_split_shape,
        reference=_split,
        cases=_SPLIT,
        flops=free,
        method=split,
        body=_split_body,
        several=True,
        random=_random_split,
        axes=("axis",),
    ),
    "unstack": Op(
        shape=_unstack_shape,
        reference=_unstack,
        cases=_UNSTACK,
        flops=free,
        method=unstack,
        body=_unstack_body,
        several=True,
        random=along,
        axes=("axis",),
    ),
}

"""split cuts an axis into equal parts; unstack takes it apart into its slices and drops it."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Case, Op, axis_of, free, positive
from models.value import Value, emit, emit_all


def split(x: Value, parts: int, *, axis: int) -> tuple[Value, ...]:
    """Cut `axis` into `parts` equal parts."""
    return emit_all("split", x, parts=parts, axis=positive(axis, len(x.shape)))


def unstack(x: Value, *, axis: int) -> tuple[Value, ...]:
    """The slices of `axis`, without it."""
    return emit_all("unstack", x, axis=positive(axis, len(x.shape)))


def _split_shape(x: Shape, *, parts: int, axis: int) -> tuple[Shape, ...]:
    at = axis_of(axis, len(x))
    if parts < 1 or x[at] % parts:
        raise ValueError(
            f"axis {axis} of length {x[at]} does not split into {parts} equal parts"
        )
    return ((*x[:at], x[at] // parts, *x[at + 1 :]),) * parts


def _unstack_shape(x: Shape, *, axis: int) -> tuple[Shape, ...]:
    at = axis_of(axis, len(x))
    length = x[at]
    if not isinstance(length, int) or length < 1:
        raise ValueError(
            f"axis {axis} of length {length} cannot be unstacked; its length must be a"
            " number of 1 or more"
        )
    return ((*x[:at], *x[at + 1 :]),) * length


def _split(x: np.ndarray, *, parts: int, axis: int) -> tuple[np.ndarray, ...]:
    return tuple(np.split(x, parts, axis))


def _unstack(x: np.ndarray, *, axis: int) -> tuple[np.ndarray, ...]:
    return tuple(np.moveaxis(x, axis, 0))


def _split_body(x: Value, *, parts: int, axis: int) -> tuple[Value, ...]:
    width = x.shape[axis] // parts
    return tuple(
        emit("slice", x, axis=axis, start=width * i, stop=width * (i + 1), step=1)
        for i in range(parts)
    )


def _unstack_body(x: Value, *, axis: int) -> tuple[Value, ...]:
    rows = (
        emit("slice", x, axis=axis, start=i, stop=i + 1, step=1)
        for i in range(int(str(x.shape[axis])))
    )
    return tuple(row.squeeze(axis=axis) for row in rows)


_SPLIT = tuple(
    Case((shape,), {"parts": parts, "axis": axis})
    for shape, parts, axis in (
        ((4, 3), 2, 0),
        ((2, 6), 3, 1),
        ((2, 4, 3), 1, 1),
        ((2, 3, 2), 2, 2),
        ((0, 4), 2, 1),
    )
)
_UNSTACK = tuple(
    Case((shape,), {"axis": axis})
    for shape, axis in (((3, 2), 0), ((2, 3), 1), ((2, 3, 4), 1), ((1,), 0), ((3, 0), 0))
)
OPS = {
    "split": Op(
        _split_shape,
        _split,
        _SPLIT,
        free,
        method=split,
        body=_split_body,
        several=True,
        group="shape",
    ),
    "unstack": Op(
        _unstack_shape,
        _unstack,
        _UNSTACK,
        free,
        method=unstack,
        body=_unstack_body,
        several=True,
        group="shape",
    ),
}

"""tile repeats the whole axis (a b a b); repeat repeats each element (a a b b)."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Case, Op, axis_of, free, positive
from models.value import Value, emit


def tile(x: Value, *, times: int, axis: int) -> Value:
    """Repeat the whole of one axis: a b a b."""
    return emit("tile", x, times=times, axis=positive(axis, len(x.shape)))


def repeat(x: Value, *, times: int, axis: int) -> Value:
    """Repeat each element of one axis: a a b b."""
    return emit("repeat", x, times=times, axis=positive(axis, len(x.shape)))


def shape(x: Shape, *, times: int, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    if times < 1:
        raise ValueError(f"times must be 1 or more, not {times}")
    return (*x[:at], x[at] * times, *x[at + 1 :])


def _tile(x: np.ndarray, *, times: int, axis: int) -> np.ndarray:
    return np.tile(x, [times if i == axis else 1 for i in range(x.ndim)])


def _repeat(x: np.ndarray, *, times: int, axis: int) -> np.ndarray:
    return np.repeat(x, times, axis)


def _along_new_axis(x: Value, times: int, axis: int, at: int) -> Value:
    wide = x.expand_dims(axis=at)
    wide = wide.broadcast_to((*wide.shape[:at], times, *wide.shape[at + 1 :]))
    return wide.reshape(shape(x.shape, times=times, axis=axis))


def _tile_body(x: Value, *, times: int, axis: int) -> Value:
    return _along_new_axis(x, times, axis, axis)


def _repeat_body(x: Value, *, times: int, axis: int) -> Value:
    return _along_new_axis(x, times, axis, axis + 1)


CASES = tuple(
    Case((s,), {"times": times, "axis": axis})
    for s, times, axis in (
        ((2, 3), 2, 0),
        ((2, 3), 3, 1),
        ((2, 1, 3), 2, 1),
        ((4,), 1, 0),
        ((0, 2), 2, 1),
    )
)
OPS = {
    "tile": Op(shape, _tile, CASES, free, method=tile, body=_tile_body, group="shape"),
    "repeat": Op(
        shape, _repeat, CASES, free, method=repeat, body=_repeat_body, group="shape"
    ),
}

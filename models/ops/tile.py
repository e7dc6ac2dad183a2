"""tile repeats the whole axis (a b a b); repeat repeats each element (a a b b)."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Array, Op, free
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Rng, axis_in, case, lengths, one
from models.value import Value, emit


def tile(x: Value, *, times: int, axis: int) -> Value:
    """Repeat the whole of one axis: a b a b."""
    at = positive(axis, len(x.shape))
    return emit("tile", x, times=times, axis=at)


def repeat(x: Value, *, times: int, axis: int) -> Value:
    """Repeat each element of one axis: a a b b."""
    at = positive(axis, len(x.shape))
    return emit("repeat", x, times=times, axis=at)


def shape(x: Shape, *, times: int, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    if times < 1:
        raise ValueError(f"times must be 1 or more, not {times}")
    return spliced(x, at, x[at] * times)


def _tile(x: Array, *, times: int, axis: int) -> Array:
    each = [1] * x.ndim
    each[axis] = times
    return np.tile(x, each)


def _repeat(x: Array, *, times: int, axis: int) -> Array:
    return np.repeat(x, times, axis)


def _along_new_axis(
    x: Value,
    times: int,
    axis: int,
    at: int,
) -> Value:
    """Copies along a new axis, merged with its neighbour: no index, so no gather."""
    wide = x.expand_dims(axis=at)
    wide = wide.broadcast_to(spliced(wide.shape, at, times))
    return wide.reshape(shape(x.shape, times=times, axis=axis))


def _tile_body(x: Value, *, times: int, axis: int) -> Value:
    # before the axis: the copies go slowest
    return _along_new_axis(x, times, axis, axis)


def _repeat_body(x: Value, *, times: int, axis: int) -> Value:
    # behind it: they go fastest
    return _along_new_axis(x, times, axis, axis + 1)


def random(rng: Rng, rank: int, example: Case) -> Case:
    shape, axis = lengths(rng, rank), axis_in(rng, rank)
    times = one(rng, 1, 4)
    return example.redrawn(shape, axis=axis, times=times)


CASES = (
    case((2, 3), times=2, axis=0),
    case((2, 3), times=3, axis=1),
    # of one element, both give the same
    case((2, 1, 3), times=2, axis=1),
    case((4,), times=1, axis=0),  # nothing to repeat
    case((0, 2), times=2, axis=1),
)
OPS = {
    "tile": Op(
        shape=shape,
        reference=_tile,
        cases=CASES,
        flops=free,
        method=tile,
        body=_tile_body,
        random=random,
        axes=("axis",),
    ),
    "repeat": Op(
        shape=shape,
        reference=_repeat,
        cases=CASES,
        flops=free,
        method=repeat,
        body=_repeat_body,
        random=random,
        axes=("axis",),
    ),
}

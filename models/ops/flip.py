"""flip reverses one axis; roll shifts it, what falls off one end entering at the other."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Op, free
from models.ops._axes import axis_of, positive
from models.ops._cases import Case, Rng, along, axis_in, case, lengths, one
from models.value import Value, emit


def flip(x: Value, *, axis: int) -> Value:
    """Reverse one axis."""
    at = positive(axis, len(x.shape))
    return emit("flip", x, axis=at)


def roll(x: Value, *, shift: int, axis: int) -> Value:
    """Shift one axis around."""
    at = positive(axis, len(x.shape))
    return emit("roll", x, shift=shift, axis=at)


def _flip_shape(x: Shape, *, axis: int) -> Shape:
    axis_of(axis, len(x))
    return x


def _roll_shape(x: Shape, *, shift: int, axis: int) -> Shape:
    # the body cuts at shift modulo the length, which has to be known
    if not isinstance(x[axis_of(axis, len(x))], int):
        raise ValueError(
            f"roll needs a numeric length on axis {axis}, which is {x[axis]}"
        )
    return x


def _flip_vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    axis: int,
) -> tuple[Value]:
    return (emit("flip", grad, axis=axis),)


def _roll_body(x: Value, *, shift: int, axis: int) -> Value:
    length = x.shape[axis]
    # the shape rule lets numbers through only
    cut = -shift % length if length != 0 else 0  # type: ignore[operator]
    head = emit("slice", x, axis=axis, start=cut, stop=length, step=1)
    tail = emit("slice", x, axis=axis, start=0, stop=cut, step=1)
    return emit("concat", head, tail, axis=axis)


def _random_roll(rng: Rng, rank: int, example: Case) -> Case:
    shape, axis = lengths(rng, rank), axis_in(rng, rank)
    # further than any axis is long, both ways
    shift = one(rng, -6, 7)
    return example.redrawn(shape, axis=axis, shift=shift)


# shape, axis
_SHAPES = (
    ((2, 3), 0),
    ((2, 3), 1),
    ((2, 3, 4), 1),
    ((1,), 0),
    ((0, 3), 0),
)
_FLIP = tuple(case(shape, axis=axis) for shape, axis in _SHAPES)
_ROLL = tuple(
    case(shape, shift=shift, axis=axis)
    for shape, axis in _SHAPES
    for shift in (1, -2, 7)  # once around and on
)
OPS = {
    "flip": Op(
        shape=_flip_shape,
        reference=np.flip,
        cases=_FLIP,
        flops=free,
        method=flip,
        vjp=_flip_vjp,
        random=along,
        axes=("axis",),
    ),
    "roll": Op(
        shape=_roll_shape,
        reference=np.roll,
        cases=_ROLL,
        flops=free,
        method=roll,
        body=_roll_body,
        random=_random_roll,
        axes=("axis",),
    ),
}

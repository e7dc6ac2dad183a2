"""flip reverses one axis; roll shifts it by `shift`, what falls off one end entering at the
other.
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Case, Op, axis_of, free, positive
from models.value import Value, emit


def flip(x: Value, *, axis: int) -> Value:
    """Reverse one axis."""
    return emit("flip", x, axis=positive(axis, len(x.shape)))


def roll(x: Value, *, shift: int, axis: int) -> Value:
    """Shift one axis around."""
    return emit("roll", x, shift=shift, axis=positive(axis, len(x.shape)))


def _flip_shape(x: Shape, *, axis: int) -> Shape:
    axis_of(axis, len(x))
    return x


def _roll_shape(x: Shape, *, shift: int, axis: int) -> Shape:
    if not isinstance(x[axis_of(axis, len(x))], int):
        raise ValueError(f"roll needs a numeric length on axis {axis}, which is {x[axis]}")
    return x


def _flip(x: np.ndarray, *, axis: int) -> np.ndarray:
    return np.flip(x, axis)


def _roll(x: np.ndarray, *, shift: int, axis: int) -> np.ndarray:
    return np.roll(x, shift, axis)


def _flip_vjp(grad: Value, out: Value, x: Value, *, axis: int) -> tuple[Value]:
    return (emit("flip", grad, axis=axis),)


def _roll_body(x: Value, *, shift: int, axis: int) -> Value:
    length = x.shape[axis]
    # the shape rule lets numbers through only
    cut = -shift % length if length != 0 else 0  # type: ignore[operator]
    head = emit("slice", x, axis=axis, start=cut, stop=length, step=1)
    return emit(
        "concat", head, emit("slice", x, axis=axis, start=0, stop=cut, step=1), axis=axis
    )


_SHAPES = (((2, 3), 0), ((2, 3), 1), ((2, 3, 4), 1), ((1,), 0), ((0, 3), 0))
OPS = {
    "flip": Op(
        _flip_shape,
        _flip,
        tuple(Case((s,), {"axis": a}) for s, a in _SHAPES),
        free,
        method=flip,
        vjp=_flip_vjp,
        group="shape",
    ),
    "roll": Op(
        _roll_shape,
        _roll,
        tuple(
            Case((s,), {"shift": shift, "axis": a})
            for s, a in _SHAPES
            for shift in (1, -2, 7)
        ),
        free,
        method=roll,
        body=_roll_body,
        group="shape",
    ),
}

"""concat joins tensors along an existing axis; stack joins them along a new one."""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape
from models.ops import Case, Op, axis_of, free, positive
from models.value import Value, emit


def concat(x: Value, *others: Value, axis: int) -> Value:
    """Join x and others along `axis`."""
    return emit("concat", x, *others, axis=positive(axis, len(x.shape)))


def stack(x: Value, *others: Value, axis: int) -> Value:
    """Join x and others along a new axis before `axis`."""
    return emit("stack", x, *others, axis=positive(axis, len(x.shape) + 1))


def _concat_shape(*xs: Shape, axis: int) -> Shape:
    at = axis_of(axis, len(xs[0]))
    rest = {(*x[:at], *x[at + 1 :]) for x in xs}
    if len(rest) > 1 or len({len(x) for x in xs}) > 1:
        raise ValueError(f"all axes but axis {axis} must agree")
    total: Length = xs[0][at]
    for x in xs[1:]:
        total = total + x[at]
    return (*xs[0][:at], total, *xs[0][at + 1 :])


def _stack_shape(*xs: Shape, axis: int) -> Shape:
    at = axis_of(axis, len(xs[0]) + 1)
    if len(set(xs)) > 1:
        raise ValueError(
            "all shapes must be equal; concat joins tensors that differ along one axis"
        )
    return (*xs[0][:at], len(xs), *xs[0][at:])


def _concat(*xs: np.ndarray, axis: int) -> np.ndarray:
    return np.concatenate(xs, axis)


def _stack(*xs: np.ndarray, axis: int) -> np.ndarray:
    return np.stack(xs, axis)


def _concat_vjp(grad: Value, out: Value, *xs: Value, axis: int) -> tuple[Value, ...]:
    pieces: list[Value] = []
    start: Length = 0
    for x in xs:
        stop = start + x.shape[axis]
        pieces.append(emit("slice", grad, axis=axis, start=start, stop=stop, step=1))
        start = stop
    return tuple(pieces)


def _stack_body(*xs: Value, axis: int) -> Value:
    return emit("concat", *[x.expand_dims(axis=axis) for x in xs], axis=axis)


_CONCAT = tuple(
    Case(shapes, {"axis": axis})
    for shapes, axis in (
        (((2, 3), (2, 3)), 0),
        (((2, 3), (2, 1), (2, 2)), 1),
        (((2, 3, 2), (2, 1, 2)), 1),
        (((0, 3), (2, 3)), 0),
        (((4,),), 0),
    )
)
_STACK = tuple(
    Case(shapes, {"axis": axis})
    for shapes, axis in (
        (((2, 3), (2, 3)), 0),
        (((2, 3),) * 3, 2),
        (((4,), (4,)), 1),
        (((0, 2),) * 2, 1),
    )
)
OPS = {
    "concat": Op(
        _concat_shape, _concat, _CONCAT, free, method=concat, vjp=_concat_vjp, group="shape"
    ),
    "stack": Op(
        _stack_shape, _stack, _STACK, free, method=stack, body=_stack_body, group="shape"
    ),
}

"""concat joins tensors along an existing axis; stack joins them along a new one."""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape
from models.ops import Array, Op, free
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Rng, axis_in, case, integers, lengths, one
from models.value import Value, emit


def concat(x: Value, *others: Value, axis: int) -> Value:
    """Join x and others along `axis`."""
    return emit("concat", x, *others, axis=positive(axis, len(x.shape)))


def stack(x: Value, *others: Value, axis: int) -> Value:
    """Join x and others along a new axis before `axis`."""
    return emit("stack", x, *others, axis=positive(axis, len(x.shape) + 1))


def _concat_shape(*xs: Shape, axis: int) -> Shape:
    at = axis_of(axis, len(xs[0]))
    rest = {spliced(x, at) for x in xs}
    ranks = {len(x) for x in xs}
    if len(rest) > 1 or len(ranks) > 1:
        raise ValueError(f"all axes but axis {axis} must agree")
    total: Length = xs[0][at]
    for x in xs[1:]:
        total = total + x[at]
    return spliced(xs[0], at, total)


def _stack_shape(*xs: Shape, axis: int) -> Shape:
    # counted in the result, which has one axis more
    at = axis_of(axis, len(xs[0]) + 1)
    if len(set(xs)) > 1:
        raise ValueError(
            "all shapes must be equal; concat joins tensors that differ along one axis"
        )
    return (*xs[0][:at], len(xs), *xs[0][at:])


def _concat(*xs: Array, axis: int) -> Array:
    return np.concatenate(xs, axis)


def _stack(*xs: Array, axis: int) -> Array:
    return np.stack(xs, axis)


def _concat_vjp(
    grad: Value,
    out: Value,
    *xs: Value,
    axis: int,
) -> tuple[Value, ...]:
    pieces: list[Value] = []
    start: Length = 0
    for x in xs:
        stop = start + x.shape[axis]
        pieces.append(emit("slice", grad, axis=axis, start=start, stop=stop, step=1))
        start = stop
    return tuple(pieces)


def _stack_body(*xs: Value, axis: int) -> Value:
    rows = [x.expand_dims(axis=axis) for x in xs]
    return emit("concat", *rows, axis=axis)


def _random_concat(rng: Rng, rank: int, example: Case) -> Case:
    axis, shape = axis_in(rng, rank), lengths(rng, rank)
    joined = integers(rng.integers(0, 4, one(rng, 1, 4)))
    return example.redrawn(*(spliced(shape, axis, n) for n in joined), axis=axis)


def _random_stack(rng: Rng, rank: int, example: Case) -> Case:
    shape, count = lengths(rng, rank), one(rng, 1, 4)
    return example.redrawn(*(shape,) * count, axis=axis_in(rng, rank + 1))


_CONCAT = (
    case((2, 3), (2, 3), axis=0),
    case((2, 3), (2, 1), (2, 2), axis=1),
    case((2, 3, 2), (2, 1, 2), axis=1),
    # an empty piece keeps its shape, and gets an empty gradient
    case((0, 3), (2, 3), axis=0),
    case((4,), axis=0),
)
_STACK = (
    case((2, 3), (2, 3), axis=0),
    # the new axis may come last
    case((2, 3), (2, 3), (2, 3), axis=2),
    case((4,), (4,), axis=1),
    case((0, 2), (0, 2), axis=1),
)
OPS = {
    "concat": Op(
        shape=_concat_shape,
        reference=_concat,
        cases=_CONCAT,
        flops=free,
        method=concat,
        vjp=_concat_vjp,
        random=_random_concat,
        axes=("axis",),
    ),
    "stack": Op(
        shape=_stack_shape,
        reference=_stack,
        cases=_STACK,
        flops=free,
        method=stack,
        body=_stack_body,
        random=_random_stack,
        axes_of_result=("axis",),
    ),
}

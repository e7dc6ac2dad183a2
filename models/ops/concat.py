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
    at = positive(axis, len(x.shape))
    return emit("concat", x, *others, axis=at)


def stack(x: Value, *others: Value, axis: int) -> Value:
    """Join x and others along a new axis before `axis`."""
    # counted in the result, which has one axis more
    at = positive(axis, len(x.shape) + 1)
    return emit("stack", x, *others, axis=at)


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
    first = xs[0]
    at = axis_of(axis, len(first) + 1)
    if len(set(xs)) > 1:
        raise ValueError(
            "all shapes must be equal; concat joins tensors that differ along one axis"
        )
    return (*first[:at], len(xs), *first[at:])


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
        piece = emit("slice", grad, axis=axis, start=start, stop=stop, step=1)
        pieces.append(piece)
        start = stop
    return tuple(pieces)


def _stack_body(*xs: Value, axis: int) -> Value:
    rows = [x.expand_dims(axis=axis) for x in xs]
    return emit("concat", *rows, axis=axis)


def _random_concat(rng: Rng, rank: int, example: Case) -> Case:
    axis, shape = axis_in(rng, rank), lengths(rng, rank)
    count = one(rng, 1, 4)
    # pieces of length 0 too
    joined = integers(rng.integers(0, 4, count))
    pieces = [spliced(shape, axis, length) for length in joined]
    return example.redrawn(*pieces, axis=axis)


def _random_stack(rng: Rng, rank: int, example: Case) -> Case:
    shape, count = lengths(rng, rank), one(rng, 1, 4)
    axis = axis_in(rng, rank + 1)
    return example.redrawn(*[shape] * count, axis=axis)


_CONCAT = (
    case((2, 3), (2, 3), axis=0),
    case((2, 3), (2, 1), (2, 2), axis=1),
    case((1, 2), (2, 2), (1, 2), (3, 2), (1, 2), axis=0),
    case((2, 3, 2), (2, 1, 2), axis=1),
    # an empty piece keeps its shape, and gets an empty gradient
    case((0, 3), (2, 3), axis=0),
    case((4,), axis=0),  # one piece alone
)
_STACK = (
    case((2, 3), (2, 3), axis=0),
    # the new axis may come last
    case((2, 3), (2, 3), (2, 3), axis=2),
    case((2,), (2,), (2,), (2,), (2,), axis=0),
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

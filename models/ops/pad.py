"""y = x with `before` and `after` copies of `value` put at the ends of one axis."""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape
from models.ops import Array, Op, free
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Rng, axis_in, case, integers, lengths
from models.value import Value, emit


def pad(
    x: Value,
    *,
    axis: int,
    before: Length,
    after: Length,
    value: float,
) -> Value:
    """Lengthen one axis with a constant."""
    if before == 0 and after == 0:
        return x  # no node
    at = positive(axis, len(x.shape))
    return emit("pad", x, axis=at, before=before, after=after, value=value)


def shape(
    x: Shape,
    *,
    axis: int,
    before: Length,
    after: Length,
    value: float,
) -> Shape:
    at = axis_of(axis, len(x))
    # of a symbolic length nothing is known until it is bound
    if any(isinstance(count, int) and count < 0 for count in (before, after)):
        raise ValueError(
            f"padding {before} and {after} must not be negative; slice shortens"
        )
    return spliced(x, at, x[at] + before + after)


def reference(
    x: Array,
    *,
    axis: int,
    before: int,
    after: int,
    value: float,
) -> Array:
    widths = [(0, 0)] * x.ndim
    widths[axis] = (before, after)
    return np.pad(x, widths, constant_values=value)


def vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    axis: int,
    before: Length,
    after: Length,
    value: float,
) -> tuple[Value]:
    stop = before + x.shape[axis]
    kept = emit("slice", grad, axis=axis, start=before, stop=stop, step=1)
    return (kept,)


def random(rng: Rng, rank: int, example: Case) -> Case:
    before, after = integers(rng.integers(0, 3, 2))
    shape = lengths(rng, rank)
    axis = axis_in(rng, rank)
    return example.redrawn(shape, axis=axis, before=before, after=after)


CASES = tuple(
    case(shape, axis=axis, before=before, after=after, value=value)
    for shape, axis, before, after, value in (
        ((2, 3), 0, 1, 2, 0.0),
        ((2, 3), 1, 0, 1, 1.5),
        ((2, 3, 4), 1, 2, 0, -1.0),
        ((0, 3), 0, 1, 1, 0.0),
        # further than x is long: reflection could not
        ((4,), 0, 3, 3, 0.0),
        # a mask, which float16 holds as infinite
        ((2, 3), 1, 1, 0, -1e9),
    )
)
OPS = {
    "pad": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=free,
        method=pad,
        vjp=vjp,
        random=random,
        axes=("axis",),
    )
}

"""y = x[start:stop:step] along one axis.

Bounds are from 0 to the length, never negative: the method resolves those.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.dims import Length, Shape
from models.ops import Array, Op, free
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Rng, axis_in, case, integers, lengths, one
from models.value import Value, emit


def slice(
    x: Value,
    *,
    axis: int,
    start: Length,
    stop: Length,
    step: int,
) -> Value:
    """Part of one axis; a negative start or stop counts from the end."""
    rank = len(x.shape)
    at = positive(axis, rank)
    # any length will do where there is no such axis: the shape rule refuses it
    length = x.shape[at] if 0 <= at < rank else 0
    start, stop = _from_start(start, length), _from_start(stop, length)
    return emit("slice", x, axis=at, start=start, stop=stop, step=step)


def _from_start(bound: Length, length: Length) -> Length:
    return length + bound if isinstance(bound, int) and bound < 0 else bound


def shape(
    x: Shape,
    *,
    axis: int,
    start: Length,
    stop: Length,
    step: int,
) -> Shape:
    at = axis_of(axis, len(x))
    bounds = (x[at], start, stop)
    numbers = all(isinstance(bound, int) for bound in bounds)
    # all three are numbers here
    if step < 1 or (numbers and not 0 <= start <= stop <= x[at]):  # type: ignore[operator]
        raise ValueError(
            f"slice {start}:{stop}:{step} must lie within 0:{x[at]} and step forward; flip"
            " reverses"
        )
    # rounded up: the last step need not be a whole one
    return spliced(x, at, (stop - start + (step - 1)) // step)


def reference(
    x: Array,
    *,
    axis: int,
    start: int,
    stop: int,
    step: int,
) -> Array:
    index: list[Any] = [np.s_[:]] * x.ndim
    index[axis] = np.s_[start:stop:step]
    return x[tuple(index)]


def vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    axis: int,
    start: Length,
    stop: Length,
    step: int,
) -> tuple[Value]:
    """Zeros everywhere else: spread the gradient `step` apart, then pad both ends."""
    spread = _spread(grad, axis, step, stop - start) if step > 1 else grad
    after = x.shape[axis] - stop
    padded = spread.pad(axis=axis, before=start, after=after, value=0.0)
    return (padded,)


def _spread(
    grad: Value,
    axis: int,
    step: int,
    covered: Length,
) -> Value:
    """Each element followed by step - 1 zeros, cut to the length that the slice covered."""
    at = axis + 1
    rows = grad.expand_dims(axis=at)
    rows = rows.pad(axis=at, before=0, after=step - 1, value=0.0)
    wide = grad.shape[axis] * step
    spread = rows.reshape(spliced(grad.shape, axis, wide))
    if wide == covered:
        return spread
    return emit("slice", spread, axis=axis, start=0, stop=covered, step=1)


def random(rng: Rng, rank: int, example: Case) -> Case:
    axis, length = axis_in(rng, rank), one(rng, 0, 8)
    bounds = integers(rng.integers(0, length + 1, 2))
    start, stop = sorted(bounds)
    step = one(rng, 1, 4)
    shape = spliced(lengths(rng, rank), axis, length)
    return example.redrawn(shape, axis=axis, start=start, stop=stop, step=step)


CASES = tuple(
    case(shape, axis=axis, start=start, stop=stop, step=step)
    for shape, axis, start, stop, step in (
        ((5, 3), 0, 1, 4, 1),
        ((5, 3), 0, 0, 5, 2),
        # the last step is a whole one, or is cut short
        ((2, 7, 3), 1, 1, 7, 3),
        ((2, 7, 3), 1, 0, 6, 3),
        ((2, 3), 1, 2, 3, 1),
        ((4,), 0, 2, 2, 1),  # nothing
        ((0, 3), 1, 0, 2, 1),
    )
)
OPS = {
    "slice": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=free,
        method=slice,
        vjp=vjp,
        random=random,
        axes=("axis",),
    )
}

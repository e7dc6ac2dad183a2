"""y = x[start:stop:step] along one axis; bounds are from 0 to the length, never negative
(the method resolves those).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.dims import Length, Shape
from models.ops import Case, Op, axis_of, free, positive
from models.value import Value, emit


def slice(x: Value, *, axis: int, start: Length, stop: Length, step: int) -> Value:
    """Part of one axis; a negative start or stop counts from the end."""
    rank = len(x.shape)
    at = positive(axis, rank)
    length = x.shape[at] if 0 <= at < rank else 0
    bounds = [
        length + bound if isinstance(bound, int) and bound < 0 else bound
        for bound in (start, stop)
    ]
    return emit("slice", x, axis=at, start=bounds[0], stop=bounds[1], step=step)


def shape(x: Shape, *, axis: int, start: Length, stop: Length, step: int) -> Shape:
    at = axis_of(axis, len(x))
    numbers = all(isinstance(bound, int) for bound in (x[at], start, stop))
    # all three are numbers here
    if step < 1 or (numbers and not 0 <= start <= stop <= x[at]):  # type: ignore[operator]
        raise ValueError(
            f"slice {start}:{stop}:{step} must lie within 0:{x[at]} and step forward; flip"
            " reverses"
        )
    return (*x[:at], (stop - start + (step - 1)) // step, *x[at + 1 :])


def reference(x: np.ndarray, *, axis: int, start: int, stop: int, step: int) -> np.ndarray:
    index: list[Any] = [np.s_[:]] * x.ndim
    index[axis] = np.s_[start:stop:step]
    return x[tuple(index)]


def vjp(
    grad: Value, out: Value, x: Value, *, axis: int, start: Length, stop: Length, step: int
) -> tuple[Value]:
    """Zeros everywhere else: spread the gradient `step` apart, then pad both ends."""
    spread, covered = grad, stop - start
    if step > 1:
        rows, at = grad.expand_dims(axis=axis + 1), axis + 1
        rows = rows.pad(axis=at, before=0, after=step - 1, value=0.0)
        wide = out.shape[axis] * step
        spread = rows.reshape((*grad.shape[:axis], wide, *grad.shape[axis + 1 :]))
        spread = (
            emit("slice", spread, axis=axis, start=0, stop=covered, step=1)
            if wide != covered
            else spread
        )
    return (spread.pad(axis=axis, before=start, after=x.shape[axis] - stop, value=0.0),)


CASES = tuple(
    Case((shape,), {"axis": axis, "start": start, "stop": stop, "step": step})
    for shape, axis, start, stop, step in (
        ((5, 3), 0, 1, 4, 1),
        ((5, 3), 0, 0, 5, 2),
        ((2, 7, 3), 1, 1, 7, 3),
        ((2, 7, 3), 1, 0, 6, 3),
        ((2, 3), 1, 2, 3, 1),
        ((4,), 0, 2, 2, 1),
        ((0, 3), 1, 0, 2, 1),
    )
)
OPS = {"slice": Op(shape, reference, CASES, free, method=slice, vjp=vjp, group="shape")}

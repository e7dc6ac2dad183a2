"""y = x with `before` and `after` copies of `value` put at the ends of one axis."""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape
from models.ops import Case, Op, axis_of, free, positive
from models.value import Value, emit


def pad(x: Value, *, axis: int, before: Length, after: Length, value: float) -> Value:
    """Lengthen one axis with a constant."""
    rank = len(x.shape)
    if before == 0 and after == 0:
        return x
    return emit(
        "pad", x, axis=positive(axis, rank), before=before, after=after, value=value
    )


def shape(x: Shape, *, axis: int, before: Length, after: Length, value: float) -> Shape:
    at = axis_of(axis, len(x))
    if any(isinstance(count, int) and count < 0 for count in (before, after)):
        raise ValueError(
            f"padding {before} and {after} must not be negative; slice shortens"
        )
    return (*x[:at], x[at] + before + after, *x[at + 1 :])


def reference(
    x: np.ndarray, *, axis: int, before: int, after: int, value: float
) -> np.ndarray:
    widths = [(before, after) if i == axis else (0, 0) for i in range(x.ndim)]
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
    return (
        emit("slice", grad, axis=axis, start=before, stop=before + x.shape[axis], step=1),
    )


CASES = tuple(
    Case((shape,), {"axis": axis, "before": before, "after": after, "value": value})
    for shape, axis, before, after, value in (
        ((2, 3), 0, 1, 2, 0.0),
        ((2, 3), 1, 0, 1, 1.5),
        ((2, 3, 4), 1, 2, 0, -1.0),
        ((0, 3), 0, 1, 1, 0.0),
        ((4,), 0, 3, 3, 0.0),
    )
)
OPS = {"pad": Op(shape, reference, CASES, free, method=pad, vjp=vjp, group="shape")}

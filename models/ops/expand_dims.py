"""expand_dims puts an axis of length 1 before `axis` (negative: counted in the result);
squeeze takes axes of length 1 away.
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Case, Op, axis_of, free, positive
from models.value import Value, emit


def expand_dims(x: Value, *, axis: int) -> Value:
    """Insert an axis of length 1."""
    return emit("expand_dims", x, axis=positive(axis, len(x.shape) + 1))


def squeeze(x: Value, *, axis: int) -> Value:
    """Remove an axis of length 1."""
    return emit("squeeze", x, axis=positive(axis, len(x.shape)))


def _expanded(x: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x) + 1)
    return (*x[:at], 1, *x[at:])


def _squeezed(x: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    if x[at] != 1:
        raise ValueError(
            f"axis {axis} has length {x[at]} and cannot be squeezed; only length 1 can"
        )
    return (*x[:at], *x[at + 1 :])


def _expand(x: np.ndarray, *, axis: int) -> np.ndarray:
    return np.expand_dims(x, axis)


def _squeeze(x: np.ndarray, *, axis: int) -> np.ndarray:
    return np.squeeze(x, axis)


def _expand_body(x: Value, *, axis: int) -> Value:
    return emit("reshape", x, shape=_expanded(x.shape, axis=axis))


def _squeeze_body(x: Value, *, axis: int) -> Value:
    return emit("reshape", x, shape=_squeezed(x.shape, axis=axis))


_EXPAND = tuple(
    Case((s,), {"axis": a})
    for s, a in (((2, 3), 0), ((2, 3), 1), ((2, 3), 2), ((), 0), ((0, 2), 1))
)
_SQUEEZE = tuple(
    Case((s,), {"axis": a})
    for s, a in (((1, 3), 0), ((2, 1), 1), ((2, 1, 3), 1), ((1,), 0), ((0, 1), 1))
)
OPS = {
    "expand_dims": Op(
        _expanded,
        _expand,
        _EXPAND,
        free,
        method=expand_dims,
        body=_expand_body,
        group="shape",
    ),
    "squeeze": Op(
        _squeezed,
        _squeeze,
        _SQUEEZE,
        free,
        method=squeeze,
        body=_squeeze_body,
        group="shape",
    ),
}

"""expand_dims puts an axis of length 1 before `axis`; squeeze takes one away.

A negative axis of expand_dims is counted in the result.
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Op, free
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Rng, axis_in, case, lengths
from models.value import Value, emit


def expand_dims(x: Value, *, axis: int) -> Value:
    """Insert an axis of length 1."""
    at = positive(axis, len(x.shape) + 1)
    return emit("expand_dims", x, axis=at)


def squeeze(x: Value, *, axis: int) -> Value:
    """Remove an axis of length 1."""
    at = positive(axis, len(x.shape))
    return emit("squeeze", x, axis=at)


def _expanded(x: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x) + 1)
    return (*x[:at], 1, *x[at:])


def _squeezed(x: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    # a symbolic length is refused as well: it may be 1 today and 2 tomorrow
    if x[at] != 1:
        raise ValueError(
            f"axis {axis} has length {x[at]} and cannot be squeezed; only length 1 can"
        )
    return spliced(x, at)


def _expand_body(x: Value, *, axis: int) -> Value:
    return emit("reshape", x, shape=_expanded(x.shape, axis=axis))


def _squeeze_body(x: Value, *, axis: int) -> Value:
    return emit("reshape", x, shape=_squeezed(x.shape, axis=axis))


def _random_expand(rng: Rng, rank: int, example: Case) -> Case:
    # `rank` is that of the result
    shape = lengths(rng, rank - 1)
    return example.redrawn(shape, axis=axis_in(rng, rank))


def _random_squeeze(rng: Rng, rank: int, example: Case) -> Case:
    axis = axis_in(rng, rank)
    shape = spliced(lengths(rng, rank), axis, 1)
    return example.redrawn(shape, axis=axis)


_EXPAND = (
    case((2, 3), axis=0),
    case((2, 3), axis=1),
    case((2, 3), axis=2),  # behind the last axis
    case((), axis=0),
    case((0, 2), axis=1),
)
_SQUEEZE = (
    case((1, 3), axis=0),
    case((2, 1), axis=1),
    case((2, 1, 3), axis=1),
    case((1,), axis=0),  # to a scalar
    case((0, 1), axis=1),
)
OPS = {
    "expand_dims": Op(
        shape=_expanded,
        reference=np.expand_dims,
        cases=_EXPAND,
        flops=free,
        method=expand_dims,
        body=_expand_body,
        random=_random_expand,
        axes_of_result=("axis",),
    ),
    "squeeze": Op(
        shape=_squeezed,
        reference=np.squeeze,
        cases=_SQUEEZE,
        flops=free,
        method=squeeze,
        body=_squeeze_body,
        random=_random_squeeze,
        axes=("axis",),
    ),
}

"""y[i] = x[0] + ... + x[i] along one axis, in the type of x."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Array, Op, per_input
from models.ops._axes import axis_of, positive
from models.ops._cases import along, case
from models.value import Value, emit


def cumsum(x: Value, *, axis: int) -> Value:
    """Running sums along `axis`, each with its own element."""
    at = positive(axis, len(x.shape))
    return emit("cumsum", x, axis=at)


def shape(x: Shape, *, axis: int) -> Shape:
    axis_of(axis, len(x))
    return x


def dtype(x: str, *, axis: int) -> str:
    if x == "bool":
        raise ValueError("truth values have no sum; use astype")
    return x


def reference(x: Array, *, axis: int) -> Array:
    # unless told, NumPy sums int32 in int64
    return np.cumsum(x, axis, dtype=x.dtype)


def vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    axis: int,
) -> tuple[Value]:
    # an element is in all sums from its own to the last
    turned = emit("flip", grad, axis=axis)
    return (emit("flip", emit("cumsum", turned, axis=axis), axis=axis),)


CASES = (
    case((2, 5), axis=1),
    case((4, 3), axis=0),
    case((2, 4, 3), axis=1),
    case((6,), axis=0),
    case((0, 3), axis=1),
    case((0, 3), axis=0),
)
OPS = {
    "cumsum": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=per_input(1),
        method=cumsum,
        vjp=vjp,
        dtype=dtype,
        precision="full",
        random=along,
        axes=("axis",),
    )
}

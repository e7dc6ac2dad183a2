"""astype changes the element type; stop_gradient is the identity with gradient 0."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.nodes import FLOATS
from models.ops import Array, Op, free, unchanged
from models.ops._cases import Draw, case
from models.value import Value, emit


def astype(x: Value, dtype: str) -> Value:
    """The same numbers as another type: float32, float16, bfloat16, int64, int32 or bool."""
    return x if x.dtype == dtype else emit("astype", x, dtype=dtype)


def stop_gradient(x: Value) -> Value:
    """x, seen as a constant by the gradient (detach)."""
    return emit("stop_gradient", x)


def _astype_shape(x: Shape, *, dtype: str) -> Shape:
    if dtype not in (*FLOATS, "int64", "int32", "bool"):
        raise ValueError(
            f"dtype {dtype!r} is none of {', '.join(FLOATS)}, int64, int32, bool"
        )
    return x


def _dtype(_: str, *, dtype: str) -> str:
    return dtype


def _astype(x: Array, *, dtype: str) -> Array:
    if dtype not in FLOATS:
        return x.astype(dtype)
    # Float types are nominal to a reference: x stays in the working precision that it has,
    # and becomes float64 where it has none.
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _identity(x: Array) -> Array:
    return x


def _astype_vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    dtype: str,
) -> tuple[Value | None]:
    # a whole number does not move with its float
    if not {x.dtype, dtype} <= set(FLOATS):
        return (None,)
    return (astype(grad, x.dtype),)


def _no_gradient(
    grad: Value,
    out: Value,
    x: Value,
    **attributes: object,
) -> tuple[None]:
    return (None,)


_INDEX: tuple[Draw, ...] = ("index",)
_CASES = (
    # towards 0, of negative numbers too
    case((4, 5), dtype="int64"),
    case((2, 3), dtype="float16"),
    case((2, 3), dtype="float32", draws=("bool",)),
    case((2, 3), dtype="int64", draws=_INDEX, high=5),
    case((4,), dtype="float32", draws=_INDEX, high=9),
    # bool means "not 0": indices of 0 and 1 show both, and 0.3 is none either
    case((2, 4), dtype="bool", draws=_INDEX, high=2),
    case((2, 3), dtype="bool"),
    case((2, 0), dtype="int32"),
    case((2, 3), dtype="bfloat16"),
    case((2, 3), dtype="int32", draws=_INDEX, high=9),
)
OPS = {
    "astype": Op(
        shape=_astype_shape,
        reference=_astype,
        cases=_CASES,
        flops=free,
        method=astype,
        vjp=_astype_vjp,
        dtype=_dtype,
        gradient="between floats",
    ),
    "stop_gradient": Op(
        shape=unchanged,
        reference=_identity,
        cases=(case((2, 3)), case(())),
        flops=free,
        method=stop_gradient,
        vjp=_no_gradient,
        gradient="stopped",
    ),
}

"""astype changes the element type (gradients flow between floats only); stop_gradient is
the identity with gradient 0.
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.graph import FLOATS
from models.ops import Case, Op, free
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


def _same_shape(x: Shape) -> Shape:
    return x


def _dtype(_: str, *, dtype: str) -> str:
    return dtype


def _astype(x: np.ndarray, *, dtype: str) -> np.ndarray:
    """Any float type is nominal: x stays in the working precision where it is a float
    already; elsewhere it becomes float64.
    """
    if dtype in FLOATS:
        return x if x.dtype.kind == "f" else x.astype(np.float64)
    return x.astype(dtype)


def _identity(x: np.ndarray) -> np.ndarray:
    return x


def _astype_vjp(grad: Value, out: Value, x: Value, *, dtype: str) -> tuple[Value | None]:
    return (astype(grad, x.dtype) if {x.dtype, dtype} <= set(FLOATS) else None,)


def _no_gradient(grad: Value, out: Value, x: Value, **attributes: object) -> tuple[None]:
    return (None,)


_CASES = (
    Case(((2, 3),), {"dtype": "int64"}, ("index",), high=5),
    Case(((2, 3),), {"dtype": "float32"}, ("bool",)),
    Case(((4,),), {"dtype": "float32"}, ("index",), high=9),
    Case(((2, 0),), {"dtype": "bool"}, ("index",), high=2),
    Case(((2, 3),), {"dtype": "float16"}),
    Case(((2, 3),), {"dtype": "bfloat16"}),
    Case(((2, 3),), {"dtype": "int32"}, ("index",), high=9),
    Case(((2, 3),), {"dtype": "int64"}),
)
OPS = {
    "astype": Op(
        _astype_shape,
        _astype,
        _CASES,
        free,
        method=astype,
        vjp=_astype_vjp,
        dtype=_dtype,
        group="elementwise",
    ),
    "stop_gradient": Op(
        _same_shape,
        _identity,
        (Case(((2, 3),)), Case(((),))),
        free,
        method=stop_gradient,
        vjp=_no_gradient,
        group="elementwise",
    ),
}

"""clip: x held within `low` and `high`, its gradient 1 inside and at both ends, 0 beyond.

That is torch.clamp's gradient; a minimum of a maximum would halve it at the ends.
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.nodes import FLOATS
from models.ops import Array, Op, per_element
from models.ops._cases import Case
from models.value import Value, emit


def clip(x: Value, *, low: float, high: float) -> Value:
    """x, but `low` where it is less and `high` where it is more; whole bounds for integers."""
    return emit("clip", x, low=low, high=high)


def shape(x: Shape, *, low: float, high: float) -> Shape:
    # written so that NaN is refused, too
    if not low <= high:
        raise ValueError(f"low {low} must not be above high {high}")
    return x


def dtype(x: str, *, low: float, high: float) -> str:
    if x == "bool":
        raise ValueError("clip takes numbers, not truth values; use astype")
    if x not in FLOATS and not (isinstance(low, int) and isinstance(high, int)):
        raise ValueError(f"low {low} and high {high} must be whole numbers for {x}")
    return x


def reference(x: Array, *, low: float, high: float) -> Array:
    return np.clip(x, low, high)


def kinks(x: Array, *, low: float, high: float) -> Array:
    return np.minimum(np.abs(x - low), np.abs(x - high))


def body(x: Value, *, low: float, high: float) -> Value:
    # NaN is neither less nor more, and stays
    fallen = emit("where", emit("greater", x, high), high, x)
    return emit("where", emit("less", x, low), low, fallen)


# No bound is within a finite difference of what `apart` draws, and ties meet those at 1 and 2.
CASES = tuple(
    Case((shape,), {"low": low, "high": high}, ("apart",))
    for shape, low, high in (
        ((4, 5), -1, 1),
        ((2, 3), -0.5, 0.5),
        ((4,), 0.0, 2.0),
        ((5,), 1, 1),
        ((0, 3), -1.0, 1.0),
        ((), -1.0, 1.0),
    )
)
OPS = {
    "clip": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=per_element(2),
        method=clip,
        dtype=dtype,
        body=body,
        kinks=kinks,
    )
}

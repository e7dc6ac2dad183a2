"""y[i] = x[i mod length 1 axes]: x repeated along axes of length 1 and along new leading
axes.
"""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape, as_shape
from models.ops import Case, Op, free
from models.ops.elementwise import broadcast, unbroadcast
from models.value import Value, emit


def broadcast_to(x: Value, shape: tuple[Length | str, ...]) -> Value:
    """Repeat x to `shape`."""
    target = as_shape(shape)
    return x if target == x.shape else emit("broadcast_to", x, shape=target)


def shape(x: Shape, *, shape: Shape) -> Shape:
    if broadcast(x, shape) != shape:
        raise ValueError(
            f"cannot be broadcast to ({', '.join(map(str, shape))}): an axis would have to"
            " shrink"
        )
    return shape


def reference(x: np.ndarray, *, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(x, shape)


def vjp(grad: Value, out: Value, x: Value, *, shape: Shape) -> tuple[Value | None]:
    return (unbroadcast(grad, x),)


CASES = tuple(
    Case((before,), {"shape": after})
    for before, after in (
        ((1, 3), (2, 3)),
        ((3,), (2, 3)),
        ((2, 1, 3), (2, 4, 3)),
        ((), (2, 2)),
        ((1, 1, 1), (2, 3, 4)),
        ((1, 3), (0, 3)),
        ((4, 1), (2, 4, 3)),
    )
)
OPS = {
    "broadcast_to": Op(
        shape, reference, CASES, free, method=broadcast_to, vjp=vjp, group="shape"
    )
}

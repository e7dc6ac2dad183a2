"""y[i] = x[i mod length]: x repeated along axes of length 1 and along new leading axes."""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape, as_shape
from models.ops import Op, free
from models.ops._cases import Case, Rng, case, lengths, part_of
from models.ops.elementwise import broadcast, unbroadcast
from models.value import Value, emit


def broadcast_to(x: Value, shape: tuple[Length | str, ...]) -> Value:
    """Repeat x to `shape`."""
    target = as_shape(shape)
    return x if target == x.shape else emit("broadcast_to", x, shape=target)


def shape(x: Shape, *, shape: Shape) -> Shape:
    # NumPy's rule lets either side grow; here x alone may
    if broadcast(x, shape) != shape:
        raise ValueError(
            f"cannot be broadcast to ({', '.join(map(str, shape))}): an axis would have to"
            " shrink"
        )
    return shape


def vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    shape: Shape,
) -> tuple[Value | None]:
    return (unbroadcast(grad, x),)


def random(rng: Rng, rank: int, example: Case) -> Case:
    target = lengths(rng, rank)
    return example.redrawn(part_of(rng, target), shape=target)


CASES = (
    case((1, 3), shape=(2, 3)),
    case((3,), shape=(2, 3)),
    case((2, 1, 3), shape=(2, 4, 3)),
    case((), shape=(2, 2)),
    case((1, 1, 1), shape=(2, 3, 4)),
    # length 1 goes to 0, too
    case((1, 3), shape=(0, 3)),
    case((4, 1), shape=(2, 4, 3)),
)
OPS = {
    "broadcast_to": Op(
        shape=shape,
        reference=np.broadcast_to,
        cases=CASES,
        flops=free,
        method=broadcast_to,
        vjp=vjp,
        random=random,
    )
}

"""y[i_axes[0], i_axes[1], ...] = x[i_0, i_1, ...]: axis k of y is axis axes[k] of x."""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape
from models.ops import Case, Op, axis_of, free, positive
from models.ops.reshape import rearrange
from models.value import Value, emit


def permute_dims(x: Value, axes: tuple[int, ...] | str, **sizes: Length) -> Value:
    """Reorder axes by a tuple, or by a pattern: x.permute_dims("b t h c -> b h t c")."""
    if isinstance(axes, str):
        return rearrange(x, axes, **sizes)
    rank = len(x.shape)
    order = tuple(positive(a, rank) for a in axes)
    return x if order == tuple(range(rank)) else emit("permute_dims", x, axes=order)


def shape(x: Shape, *, axes: tuple[int, ...]) -> Shape:
    order = [axis_of(axis, len(x)) for axis in axes]
    if sorted(order) != list(range(len(x))):
        raise ValueError(f"axes {axes} must name each of the {len(x)} axes once")
    return tuple(x[axis] for axis in order)


def reference(x: np.ndarray, *, axes: tuple[int, ...]) -> np.ndarray:
    return np.transpose(x, axes)


def vjp(grad: Value, out: Value, x: Value, *, axes: tuple[int, ...]) -> tuple[Value]:
    return (permute_dims(grad, tuple(sorted(range(len(axes)), key=axes.__getitem__))),)


CASES = tuple(
    Case((shape,), {"axes": axes})
    for shape, axes in (
        ((2, 3), (1, 0)),
        ((2, 3, 4), (2, 0, 1)),
        ((2, 3, 4), (0, 2, 1)),
        ((2, 1, 3, 4), (0, 2, 1, 3)),
        ((2, 3, 4, 2, 3), (2, 0, 3, 1, 4)),
        ((0, 3, 2), (2, 1, 0)),
        ((3,), (0,)),
    )
)
OPS = {
    "permute_dims": Op(
        shape, reference, CASES, free, method=permute_dims, vjp=vjp, group="shape"
    )
}

"""y[i_axes[0], i_axes[1], ...] = x[i_0, i_1, ...]: axis k of y is axis axes[k] of x."""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape
from models.ops import Op, free
from models.ops._axes import axis_of, positive
from models.ops._cases import Case, Ints, Rng, case, integers, lengths
from models.ops.reshape import rearrange
from models.value import Value, emit


def permute_dims(x: Value, axes: tuple[int, ...] | str, **sizes: Length) -> Value:
    """Reorder axes by a tuple, or by a pattern: x.permute_dims("b t h c -> b h t c")."""
    if isinstance(axes, str):
        return rearrange(x, axes, **sizes)
    rank = len(x.shape)
    order = tuple(positive(a, rank) for a in axes)
    # the identity makes no node, which a runtime would have to find out
    if order == tuple(range(rank)):
        return x
    return emit("permute_dims", x, axes=order)


def shape(x: Shape, *, axes: Ints) -> Shape:
    order = [axis_of(axis, len(x)) for axis in axes]
    if sorted(order) != list(range(len(x))):
        raise ValueError(f"axes {axes} must name each of the {len(x)} axes once")
    return tuple(x[axis] for axis in order)


def vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    axes: Ints,
) -> tuple[Value]:
    # the inverse permutation: where axis k of x has gone to
    back = sorted(range(len(axes)), key=axes.__getitem__)
    return (permute_dims(grad, tuple(back)),)


def random(rng: Rng, rank: int, example: Case) -> Case:
    shape = lengths(rng, rank)
    axes = integers(rng.permutation(rank))
    return example.redrawn(shape, axes=axes)


CASES = (
    case((2, 3), axes=(1, 0)),
    # its inverse is another one, which the gradient has to take
    case((2, 3, 4), axes=(2, 0, 1)),
    case((2, 3, 4), axes=(0, 2, 1)),
    # heads before tokens, as attention wants them
    case((2, 1, 3, 4), axes=(0, 2, 1, 3)),
    case((2, 3, 4, 2, 3), axes=(2, 0, 3, 1, 4)),
    case((0, 3, 2), axes=(2, 1, 0)),
    case((3,), axes=(0,)),
)
OPS = {
    "permute_dims": Op(
        shape=shape,
        reference=np.transpose,
        cases=CASES,
        flops=free,
        method=permute_dims,
        vjp=vjp,
        random=random,
        axes=("axes",),
    )
}

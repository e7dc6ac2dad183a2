"""y has the elements of x, in row-major order, under another shape."""

from __future__ import annotations

import numpy as np

from models import pattern as patterns
from models.dims import Length, Shape, as_shape, size
from models.ops import Case, Op, free
from models.value import Value, emit


def reshape(x: Value, shape: tuple[Length | str, ...] | str, **sizes: Length) -> Value:
    """Give x another shape (one length may be -1), or follow a pattern: x.reshape("b (h c)
    -> b h c", h=8).
    """
    if isinstance(shape, str):
        return rearrange(x, shape, **sizes)
    target = _open(x.shape, as_shape(shape))
    return x if target == x.shape else emit("reshape", x, shape=target)


def rearrange(x: Value, pattern: str, **sizes: Length) -> Value:
    """Split, reorder and merge axes by a pattern: x.rearrange("b t (h c) -> (b h) t c",
    h=8).
    """
    try:
        plan = patterns.plan(pattern, x.shape, sizes)
    except ValueError as error:
        raise _at_author(error, x) from None
    still = plan.order == tuple(range(len(plan.order)))
    moved = x if still else emit("permute_dims", reshape(x, plan.split), axes=plan.order)
    return reshape(moved, plan.merged)


def shape(x: Shape, *, shape: Shape) -> Shape:
    if size(x) != size(shape):
        raise ValueError(
            f"cannot give {size(x)} elements the shape ({', '.join(map(str, shape))}) of"
            f" {size(shape)}"
        )
    return shape


def _open(x: Shape, target: Shape) -> Shape:
    """Replace a single -1 by what is left; leave mistakes to the shape rule."""
    if -1 not in target:
        return target
    rest = size(tuple(length for length in target if length != -1))
    total = size(x)
    exact = not (isinstance(rest, int) and isinstance(total, int)) or (
        rest != 0 and total % rest == 0
    )
    return tuple(total // rest if length == -1 and exact else length for length in target)


def _at_author(error: ValueError, x: Value) -> ValueError:
    from models.errors import SpecError
    from models.value import author_line

    return SpecError(f"{author_line()}: rearrange: {error}; got {x.type}")


def reference(x: np.ndarray, *, shape: tuple[int, ...]) -> np.ndarray:
    return x.reshape(shape)


def vjp(grad: Value, out: Value, x: Value, *, shape: Shape) -> tuple[Value]:
    return (reshape(grad, x.shape),)


def _case(before: tuple[int, ...], after: tuple[int, ...]) -> Case:
    return Case((before,), {"shape": after})


CASES = (
    _case((2, 6), (3, 4)),
    _case((2, 3, 4), (6, 4)),
    _case((2, 3, 4), (2, 12)),
    _case((6,), (1, 2, 1, 3)),
    _case((2, 1, 3), (6,)),
    _case((0, 3), (3, 0)),
    _case((1,), ()),
    _case((2, 3, 4, 5), (2, 4, 3, 5)),
)
OPS = {"reshape": Op(shape, reference, CASES, free, method=reshape, vjp=vjp, group="shape")}
METHODS = {"rearrange": rearrange}

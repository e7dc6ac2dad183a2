"""y has the elements of x, in row-major order, under another shape."""

from __future__ import annotations

from models import pattern as patterns
from models.dims import Length, Shape, as_shape, size
from models.ops import Array, Op, free
from models.ops._cases import RANKS, Case, Ints, Rng, axis_in, case, lengths, one
from models.value import Value, emit


def reshape(x: Value, shape: tuple[Length | str, ...] | str, **sizes: Length) -> Value:
    """Give x another shape, or follow a pattern.

    One length may be -1. A pattern is that of `rearrange`: x.reshape("b (h c) -> b h c", h=8).
    """
    if isinstance(shape, str):
        return rearrange(x, shape, **sizes)
    target = _open(x.shape, as_shape(shape))
    return x if target == x.shape else emit("reshape", x, shape=target)


def rearrange(x: Value, pattern: str, **sizes: Length) -> Value:
    """Split, reorder and merge axes by a pattern.

    As in x.rearrange("b t (h c) -> (b h) t c", h=8).
    """
    try:
        plan = patterns.plan(pattern, x.shape, sizes)
    except ValueError as error:
        raise _at_author(error, x) from None
    still = plan.order == tuple(range(len(plan.order)))
    moved = (
        x if still else emit("permute_dims", reshape(x, plan.split), axes=plan.order)
    )
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
    # Symbolic lengths divide exactly or raise by themselves; numbers would be rounded down.
    if isinstance(rest, int) and isinstance(total, int) and (rest == 0 or total % rest):
        return target
    return tuple(total // rest if length == -1 else length for length in target)


def _at_author(error: ValueError, x: Value) -> ValueError:
    # looked up late: the module of values looks up this one
    from models.errors import SpecError
    from models.value import author_line

    return SpecError(f"{author_line()}: rearrange: {error}; got {x.type}")


def reference(x: Array, *, shape: Ints) -> Array:
    return x.reshape(shape)


def vjp(
    grad: Value,
    out: Value,
    x: Value,
    *,
    shape: Shape,
) -> tuple[Value]:
    return (reshape(grad, x.shape),)


def random(rng: Rng, rank: int, example: Case) -> Case:
    """The prime factors of the lengths, dealt anew."""
    shape = lengths(rng, rank)
    target = [1] * one(rng, 1, RANKS + 1)
    # 4 is the only length drawn that is not prime
    for length in shape:
        factors = (2, 2) if length == 4 else (length,)
        for factor in factors:
            target[axis_in(rng, len(target))] *= factor
    return example.redrawn(shape, shape=tuple(target))


CASES = (
    case((2, 6), shape=(3, 4)),
    case((2, 3, 4), shape=(6, 4)),
    case((2, 3, 4), shape=(2, 12)),
    case((6,), shape=(1, 2, 1, 3)),
    case((2, 1, 3), shape=(6,)),
    case((0, 3), shape=(3, 0)),
    case((1,), shape=()),
    # the lengths of a transposition, the order of a reshape
    case((2, 3, 4, 5), shape=(2, 4, 3, 5)),
)
OPS = {
    "reshape": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=free,
        method=reshape,
        vjp=vjp,
        random=random,
    )
}
METHODS = {"rearrange": rearrange}

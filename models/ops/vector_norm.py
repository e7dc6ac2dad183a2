"""y = sqrt(sum x^2) over one axis, with gradient 0 at x = 0.

That is PyTorch's convention; the plain formula gives NaN there.
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Array, Op, per_input
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import along, case
from models.value import Value, emit


def vector_norm(x: Value, *, axis: int) -> Value:
    """Euclidean norm along `axis`, which disappears."""
    at = positive(axis, len(x.shape))
    return emit("vector_norm", x, axis=at)


def shape(x: Shape, *, axis: int) -> Shape:
    return spliced(x, axis_of(axis, len(x)))


def reference(x: Array, *, axis: int) -> Array:
    return np.sqrt(np.sum(x * x, axis=axis))


def body(x: Value, *, axis: int) -> Value:
    squares = (x * x).sum(axis=axis, keepdims=False)
    zero = emit("equal", squares, 0.0)
    # Chosen twice: the outer `where` alone would multiply the infinite slope of the root at 0
    # by a gradient of 0, which is NaN.
    safe = emit("where", zero, 1.0, squares)
    return emit("where", zero, 0.0, emit("sqrt", safe))


CASES = (
    case((2, 3), axis=1),
    case((2, 3, 4), axis=0),
    case((2, 3, 4), axis=1),
    case((3,), axis=0),
    case((0, 3), axis=1),
)
OPS = {
    "vector_norm": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=per_input(2),
        method=vector_norm,
        body=body,
        precision="full",
        random=along,
        axes=("axis",),
    )
}

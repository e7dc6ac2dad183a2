"""y = sqrt(sum x^2) over one axis, with gradient 0 at x = 0 (PyTorch's; the plain formula
gives NaN there).
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Case, Op, axis_of, per_input, positive
from models.value import Value, emit


def vector_norm(x: Value, *, axis: int) -> Value:
    """Euclidean norm along `axis`, which disappears."""
    return emit("vector_norm", x, axis=positive(axis, len(x.shape)))


def shape(x: Shape, *, axis: int) -> Shape:
    at = axis_of(axis, len(x))
    return (*x[:at], *x[at + 1 :])


def reference(x: np.ndarray, *, axis: int) -> np.ndarray:
    return np.sqrt(np.sum(x * x, axis=axis))


def body(x: Value, *, axis: int) -> Value:
    squares = (x * x).sum(axis=axis, keepdims=False)
    zero = emit("equal", squares, 0.0)
    return emit("where", zero, 0.0, emit("sqrt", emit("where", zero, 1.0, squares)))


CASES = tuple(
    Case((s,), {"axis": a})
    for s, a in (((2, 3), 1), ((2, 3, 4), 0), ((2, 3, 4), 1), ((3,), 0), ((0, 3), 1))
)
OPS = {
    "vector_norm": Op(
        shape,
        reference,
        CASES,
        per_input(2),
        method=vector_norm,
        body=body,
        group="reduction",
        precision="full",
    )
}

"""The product of a sparse matrix and a dense tensor."""

from __future__ import annotations

import numpy as np

from backends.onnx.nodes import Writer, ints
from models.dims import Length, Shape

# Places of a matrix that is written out: ONNX Runtime multiplies it faster than it adds terms,
# up to some 128 x 128 of seven entries a row.
_WRITTEN_OUT = 2**14


def sparse_matmul(
    w: Writer,
    x: str,
    values: str,
    rows: str,
    columns: str,
    *,
    length: Length,
) -> str:
    """ONNX has no sparse product: a dense one, or terms that are gathered and added up."""
    type_ = w.type(x)
    half = type_.dtype != "float32"
    if half:
        # ONNX Runtime's ScatterND adds nothing shorter
        x, values = (w.node("Cast", one, to=np.dtype("float32")) for one in (x, values))
    places = length * type_.shape[-2]
    if isinstance(places, int) and places <= _WRITTEN_OUT:
        matrix = _written_out(w, values, rows, columns, (length, type_.shape[-2]))
        out = w.node("MatMul", matrix, x)
    else:
        out = _gathered(w, x, values, rows, columns, length, type_.shape)
    return w.node("Cast", out, to=np.dtype(type_.dtype)) if half else out


def _written_out(
    w: Writer,
    values: str,
    rows: str,
    columns: str,
    shape: Shape,
) -> str:
    """The matrix with its zeros. Made of constants, it is computed once, as a session loads."""
    pairs = [w.node("Unsqueeze", one, ints(w, 1)) for one in (rows, columns)]
    index = w.node("Concat", *pairs, axis=1)
    return w.node("ScatterND", _zeros(w, shape), index, values, reduction="add")


def _gathered(
    w: Writer,
    x: str,
    values: str,
    rows: str,
    columns: str,
    length: Length,
    shape: Shape,
) -> str:
    rank = len(shape)
    # (n, ..., f): ScatterND adds along the first axis
    moved = w.node("Transpose", x, perm=(rank - 2, *range(rank - 2), rank - 1))
    weights = w.node("Unsqueeze", values, ints(w, *range(1, rank)))
    terms = w.node("Mul", w.node("Gather", moved, columns, axis=0), weights)
    start = _zeros(w, (length, *shape[:-2], shape[-1]))
    index = w.node("Unsqueeze", rows, ints(w, 1))
    sums = w.node("ScatterND", start, index, terms, reduction="add")
    return w.node("Transpose", sums, perm=(*range(1, rank - 1), 0, rank - 1))


def _zeros(w: Writer, shape: Shape) -> str:
    zero = np.zeros(1, np.float32)
    return w.node("ConstantOfShape", w.lengths(shape), value=zero)

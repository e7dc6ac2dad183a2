"""y[..., r, f] = sum of values[e] x[..., columns[e], f] over the entries e with rows[e] = r.

The product of a matrix (length, n) that is mostly zeros, written entry by entry (COO), and x
(..., n, f). Entries come in any order, and those in one place add up.
"""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape, size
from models.errors import SpecError
from models.nodes import FLOATS, Attributes
from models.ops import Array, Op, Shapes, same
from models.ops._cases import Case, Draw, Rng, case, lengths, one
from models.value import Value, author_line, emit


def sparse_matmul(
    x: Value,
    *,
    rows: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    length: int,
    name: str,
) -> Value:
    """A fixed sparse matrix of `length` rows times x, over the second-last axis of x.

    It is stored as the constants NAME.rows, NAME.columns and NAME.values, and shared by calls
    with the same name. Raises SpecError where an entry lies outside.
    """
    g = x.graph
    _hold("rows", rows, length)
    if len(x.shape) > 1:
        _hold("columns", columns, x.shape[-2])
    entries = g.constant(f"{name}.values", values)
    row = g.constant(f"{name}.rows", rows)
    column = g.constant(f"{name}.columns", columns)
    return emit("sparse_matmul", x, entries, row, column, length=length)


def _hold(
    name: str,
    places: np.ndarray,
    most: Length,
) -> None:
    if not isinstance(most, int):
        return  # an open length: whoever runs it knows
    outside = places[(places < 0) | (places >= most)]
    if outside.size:
        raise SpecError(
            f"{author_line()}: sparse_matmul: {name} from 0 to {most - 1} were due,"
            f" {outside[0]} came"
        )


def shape(
    x: Shape,
    values: Shape,
    rows: Shape,
    columns: Shape,
    *,
    length: Length,
) -> Shape:
    if len(x) < 2:
        raise ValueError("sparse_matmul needs x (..., n, f)")
    if len(values) != 1 or not values == rows == columns:
        raise ValueError("values, rows and columns must be as many, in one row each")
    return (*x[:-2], length, x[-1])


def dtype(
    x: str,
    values: str,
    rows: str,
    columns: str,
    *,
    length: Length,
) -> str:
    if x not in FLOATS:
        raise ValueError(f"sparse_matmul takes floats, not {x}")
    if not {rows, columns} <= {"int64", "int32"}:
        raise ValueError(f"rows and columns must be integers, not {rows} and {columns}")
    return same(x, values)


def reference(
    x: Array,
    values: Array,
    rows: Array,
    columns: Array,
    *,
    length: int,
) -> Array:
    order = np.argsort(rows, kind="stable")
    # each row that has entries, and where those begin
    filled, starts = np.unique(rows[order], return_index=True)
    lead = x.shape[:-2]
    y = np.zeros((*lead, length, x.shape[-1]), x.dtype)
    if filled.size:
        terms = x[..., columns[order], :] * values[order][:, None]
        y[..., filled, :] = np.add.reduceat(terms, starts, axis=-2)
    return y


def vjp(
    grad: Value,
    out: Value,
    x: Value,
    values: Value,
    rows: Value,
    columns: Value,
    *,
    length: Length,
) -> tuple[Value, Value, None, None]:
    axis = len(x.shape) - 2
    # transposed: rows and columns change places
    to_x = emit("sparse_matmul", grad, values, columns, rows, length=x.shape[axis])
    products = grad.take(rows, axis=axis) * x.take(columns, axis=axis)
    others = tuple(i for i in range(len(x.shape)) if i != axis)
    return to_x, products.sum(axis=others, keepdims=False), None, None


def flops(
    outputs: Shapes,
    inputs: Shapes,
    attributes: Attributes,
) -> Length:
    x, values = inputs[0], inputs[1]
    return size(x[:-2]) * x[-1] * size(values) * 2


def random(
    rng: Rng,
    rank: int,
    example: Case,
) -> Case:
    x = lengths(rng, max(2, rank), least=1)
    length = one(rng, 1, 5)
    entries = (one(rng, 0, 7),)
    return example.redrawn(
        x, entries, entries, entries, length=length, high=min(length, x[-2])
    )


_DRAWS: tuple[Draw, ...] = ("normal", "normal", "index", "index")
# more entries than places: some come twice
_CASES = (
    ((2, 5, 3), 6, 4),
    # more rows than any entry names: some stay 0
    ((3, 2), 7, 6),
    ((2, 3, 4, 2), 9, 4),
    ((2, 1, 3), 1, 1),
    ((2, 3), 0, 2),
)
CASES = tuple(
    case(
        x,
        (entries,),
        (entries,),
        (entries,),
        length=length,
        draws=_DRAWS,
        high=min(length, x[-2]),
    )
    for x, entries, length in _CASES
)
OPS = {
    "sparse_matmul": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=flops,
        method=sparse_matmul,
        vjp=vjp,
        dtype=dtype,
        precision="product",
        random=random,
    )
}

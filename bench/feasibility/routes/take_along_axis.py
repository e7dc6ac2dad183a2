"""take_along_axis by a one-hot product: y = sum over k of onehot(index)[k] x[k] along the axis."""

from __future__ import annotations

from bench.feasibility.routes._onehot import hot, last, whole
from models.value import Value

ABOUT = "a product with a one-hot table of the index"
ERROR = 0.0


def route(x: Value, index: Value, *, axis: int) -> Value:
    """Elements of x along an axis of a fixed length, by an index of the same rank."""
    length = whole("take_along_axis", x.shape[axis])
    order = last(len(x.shape), axis)
    table = hot(index.permute_dims(order), length, x.dtype)
    # (.., n, k) times (.., k, 1)
    rows = x.permute_dims(order).expand_dims(axis=-1)
    taken = (table @ rows).squeeze(axis=-1)
    return taken.permute_dims(last(len(x.shape), axis, back=True))

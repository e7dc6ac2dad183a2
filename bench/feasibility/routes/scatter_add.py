"""scatter_add by a one-hot product: y[k] = sum over i of onehot(index)[i, k] x[i]."""

from __future__ import annotations

from bench.feasibility.routes._onehot import hot, last, whole
from models.dims import Length
from models.value import Value

ABOUT = "a product with a one-hot table of the index"
ERROR = 0.0


def route(x: Value, index: Value, *, axis: int, length: Length) -> Value:
    """Sums of the elements of x into a fixed number of places along an axis."""
    places = whole("scatter_add", length)
    order = last(len(x.shape), axis)
    table = hot(index.permute_dims(order), places, x.dtype)
    # (.., 1, n) times (.., n, k)
    rows = x.permute_dims(order).expand_dims(axis=-2)
    summed = (rows @ table).squeeze(axis=-2)
    return summed.permute_dims(last(len(x.shape), axis, back=True))

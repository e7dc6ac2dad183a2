"""A table of an index: 1 where an entry names the place, 0 elsewhere."""

from __future__ import annotations

import numpy as np

from models.dims import Length
from models.errors import SpecError
from models.value import Value


def hot(index: Value, length: int, dtype: str) -> Value:
    """(.., n) of whole numbers -> (.., n, length) of ones and zeros."""
    places = index.graph.constant(
        f"places_{length}_{index.dtype}", np.arange(length, dtype=index.dtype)
    )
    return index.expand_dims(axis=-1).equal(places).astype(dtype)


def whole(op: str, length: Length) -> int:
    """A length that is a number. Raises SpecError: a table of an open length is no constant."""
    if not isinstance(length, int):
        raise SpecError(
            f"{op}: the axis has the open length {length}; a number was due"
        )
    return length


def last(rank: int, axis: int, *, back: bool = False) -> tuple[int, ...]:
    """The order of axes that puts one last, or puts the last one back in its place."""
    at = axis % rank
    others = [i for i in range(rank) if i != at]
    if not back:
        return (*others, at)
    order = list(range(rank - 1))
    order.insert(at, rank - 1)
    return tuple(order)

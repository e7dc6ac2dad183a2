"""What picks elements of an axis: the place of an extreme, and the first ones by rank."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    Results,
    last,
    lengths,
    rank,
    undone,
    where,
    wide,
)
from models.value import Value, emit


def _place(
    call: Call,
    x: Value,
    axis: int,
    op: str,
    *,
    greatest: bool,
    keepdims: bool,
) -> Value:
    """Index of the extreme along an axis.

    The least (or greatest) of the indices where it is reached.
    """
    count = lengths(x)[axis]
    places = wide(call.constant(np.arange(count)), axis=axis, rank=rank(x))
    extreme = emit(op, x, axis=(axis,), keepdims=True)
    hit = emit("equal", x, extreme)
    # beyond all of them, so that no place without a hit is chosen
    chosen = where(hit, places, -1 if greatest else count)
    return emit("max" if greatest else "min", chosen, axis=(axis,), keepdims=keepdims)


def arg(op: str) -> Callable[[Call], Value]:
    """ArgMax or ArgMin."""

    def mapping(call: Call) -> Value:
        greatest = call.flag("select_last_index")
        keep = call.flag("keepdims", default=True)
        return _place(
            call, call.x(), call.axis(0), op, greatest=greatest, keepdims=keep
        )

    return mapping


def hardmax(call: Call) -> Value:
    """1 at the first maximum of an axis, else 0."""
    x = call.x()
    axis = call.axis(-1)
    count = lengths(x)[axis]
    places = wide(call.constant(np.arange(count)), axis=axis, rank=rank(x))
    first = _place(call, x, axis, "max", greatest=False, keepdims=True)
    return emit("equal", places, first).astype(x.dtype)


def top_k(call: Call) -> list[Value]:
    """The k first by rank.

    A rank is the number of elements that are ahead, of equal ones those that stand before.
    """
    x = call.x()
    count = call.ints(1)[0]
    axis = call.axis(-1)
    order = last(axis, rank(x))
    row = x.permute_dims(order)
    # Every element (second-last axis) against every other (last axis): the language does
    # not sort.
    mine = row.expand_dims(axis=-1)
    other = row.expand_dims(axis=-2)
    places = np.arange(lengths(x)[axis])
    before = call.constant(places[None, :] < places[:, None])
    largest = call.flag("largest", default=True)
    ahead = emit("greater" if largest else "less", other, mine)
    tied = emit("logical_and", emit("equal", other, mine), before)
    wins = emit("logical_or", ahead, tied).astype("int64")
    ranks = wins.sum(axis=rank(x), keepdims=False)
    # (..., k, elements): true at the one element that has the rank
    wanted = call.constant(np.arange(count)[:, None])
    hit = emit("equal", ranks.expand_dims(axis=-2), wanted)
    found = (
        where(hit, value, 0).sum(axis=rank(x), keepdims=False)
        for value in (other, call.constant(places))
    )
    return [value.permute_dims(undone(order)) for value in found]


MAP: dict[str, Callable[[Call], Results]] = {
    "ArgMax": arg("max"),
    "ArgMin": arg("min"),
    "Hardmax": hardmax,
    "TopK": top_k,
}

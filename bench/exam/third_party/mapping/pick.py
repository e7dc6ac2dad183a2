"""What picks elements of an axis: the place of an extreme, and the first ones by rank."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.exam.third_party.mapping.call import Call, Results, lengths, rank, where, wide
from models.value import Value, emit


def _place(
    call: Call, x: Value, axis: int, op: str, *, last: bool, keepdims: bool
) -> Value:
    """Index of the extreme along an axis: the least (or greatest) of the indices where it
    is reached.
    """
    count = lengths(x)[axis]
    places = wide(call.constant(np.arange(count)), axis=axis, rank=rank(x))
    hit = emit("equal", x, emit(op, x, axis=(axis,), keepdims=True))
    chosen = where(hit, places, -1 if last else count)
    return emit("max" if last else "min", chosen, axis=(axis,), keepdims=keepdims)


def arg(op: str) -> Callable[[Call], Value]:
    """ArgMax or ArgMin."""

    def mapping(call: Call) -> Value:
        axis, keep = (
            call.attribute("axis", 0) % rank(call.x()),
            bool(call.attribute("keepdims", 1)),
        )
        return _place(
            call,
            call.x(),
            axis,
            op,
            last=bool(call.attribute("select_last_index", 0)),
            keepdims=keep,
        )

    return mapping


def hardmax(call: Call) -> Value:
    """1 at the first maximum of an axis, else 0."""
    x = call.x()
    axis = call.attribute("axis", -1) % rank(x)
    places = wide(call.constant(np.arange(lengths(x)[axis])), axis=axis, rank=rank(x))
    return emit(
        "equal", places, _place(call, x, axis, "max", last=False, keepdims=True)
    ).astype(x.dtype)


def top_k(call: Call) -> list[Value]:
    """The k first by rank: the number of elements that are ahead, of equal ones those that
    stand before.
    """
    x, count = call.x(), call.ints(1)[0]
    axis = call.attribute("axis", -1) % rank(x)
    order = (*(i for i in range(rank(x)) if i != axis), axis)
    back = tuple(np.argsort(order).tolist())
    row = x.permute_dims(order)
    places = np.arange(lengths(x)[axis])
    mine, other = row.expand_dims(axis=-1), row.expand_dims(axis=-2)
    before = emit(
        "logical_and",
        emit("equal", other, mine),
        call.constant(places[None, :] < places[:, None]),
    )
    ahead = emit("greater" if call.attribute("largest", 1) else "less", other, mine)
    ranks = (
        emit("logical_or", ahead, before).astype("int64").sum(axis=rank(x), keepdims=False)
    )
    hit = emit(
        "equal", ranks.expand_dims(axis=-2), call.constant(np.arange(count)[:, None])
    )
    found = (
        where(hit, value, 0).sum(axis=rank(x), keepdims=False)
        for value in (other, call.constant(places))
    )
    return [value.permute_dims(back) for value in found]


MAP: dict[str, Callable[[Call], Results]] = {
    "ArgMax": arg("max"),
    "ArgMin": arg("min"),
    "Hardmax": hardmax,
    "TopK": top_k,
}

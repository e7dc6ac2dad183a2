"""Faults in an op as one call each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from backends.base import Backend
from bench.audit.fault import Fault
from bench.audit.planting.graphs import When, Wrong, always, nodes, slope
from bench.audit.planting.proxy import Planting
from models.value import Value, emit, emit_all


def kernel(
    op: str,
    name: str,
    wrong: Wrong,
    *,
    model: str = "",
    floats: bool = True,
    when: When = always,
    needs: Callable[[Backend], str] = lambda backend: "",
) -> Fault:
    """An op that computes something else, or (None) only sometimes does."""
    return Fault(
        name=f"{op}: {name}",
        planting=Planting(graph=nodes(op, wrong, floats=floats, when=when)),
        op=op,
        model=model,
        needs=needs,
    )


def gradient(op: str, name: str, like: Wrong, *, model: str = "") -> Fault:
    """An op with the right numbers and the gradient of what `like` gives."""

    def wrong(*operands: Any, **attributes: Any) -> tuple[Value, ...] | None:
        bent = like(*operands, **attributes)
        if bent is None:
            return None
        bent = bent if isinstance(bent, tuple) else (bent,)
        right = emit_all(op, *operands, **attributes)
        first = slope(right[0], bent[0])
        # results beside the first are state, which has no gradient, or parts of one tensor
        rest = [slope(a, b) for a, b in zip(right[1:], bent[1:], strict=False)]
        return (first, *rest, *right[1 + len(rest) :])

    return kernel(op, name, wrong, model=model)


def earlier(x: Value, axis: int) -> Value:
    """Every element one place to the front, round the end; an open axis may be so moved."""
    return _turned(x, axis, 1)


def later(x: Value, axis: int) -> Value:
    """Every element one place to the back."""
    return _turned(x, axis, x.shape[axis] - 1)


def _turned(x: Value, axis: int, place: Any) -> Value:
    length = x.shape[axis]
    if isinstance(length, int) and length < 2:
        return x
    first = emit("slice", x, axis=axis, start=0, stop=place, step=1)
    rest = emit("slice", x, axis=axis, start=place, stop=length, step=1)
    return emit("concat", rest, first, axis=axis)

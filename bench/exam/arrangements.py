"""The same op asked in another way: other places in memory, axes from the end, open lengths.

Also with a number in the place of a tensor, with thousands of elements, and along long axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bench.exam import open_lengths
from bench.exam.draws import MASK
from bench.exam.probe import Layout, Probe
from models import ops
from models.ops.elementwise import broadcast
from models.value import Value

Operand = np.ndarray | float
Arranged = tuple[str, Probe]  # with its kind
# with the least rank that shows them
LAYOUTS: tuple[tuple[Layout, int], ...] = (
    ("transposed", 2),
    ("strided", 1),
)
TOGETHER = "rearranged"
LITERALS = ("with a number", "with a number before it")
WIDE = (MASK, 1e-8)
LITERAL = 2.0  # written into the call; among the ties of other tensors
LONG = (
    33  # times as long: beyond the 64 of a vector or a tile, and no multiple of either
)
MANY = 16384  # results: enough for a mean, and for what a kernel does above some size


def every(probe: Probe) -> Iterator[Arranged]:
    """Each arrangement that makes sense, alone."""
    if opened := open_lengths.opened(probe):
        yield "dynamic", opened
    if opened := open_lengths.lengthened(probe):
        yield "open lengths", opened
    ranks = [array.ndim for array in probe.arrays().values()]
    for layout, least in LAYOUTS:
        if max(ranks, default=0) >= least:
            yield layout, replace(probe, layout=layout)
    if negative := from_end(probe):
        yield "negative axes", negative
    yield from with_literals(probe)
    yield from wide(probe)


def together(probe: Probe, large: Probe) -> Iterator[Arranged]:
    """As many of them as go together in one program, and those with a number.

    The former with thousands of results, where there is such a probe.
    """
    found = large
    steps = (from_end, open_lengths.lengthened, open_lengths.opened, _strided)
    for step in steps:
        if found.open and step is open_lengths.opened:
            continue  # a probe has one open length
        arranged = step(found)
        if arranged and _stands(arranged):
            found = arranged
    if found is not probe:
        yield TOGETHER, found
    yield from with_literals(probe)


def with_literals(probe: Probe) -> Iterator[Arranged]:
    """A number on the right of an elementwise op, and on the left where a model may write it."""
    if _takes_number(probe):
        *others, last = probe.operands
        yield LITERALS[0], replace(probe, operands=(*others, LITERAL))
        if reflected(probe.op):
            yield LITERALS[1], replace(probe, operands=(LITERAL, last))


def wide(probe: Probe) -> Iterator[Arranged]:
    """A number that float16 does not hold: masks, and what keeps from dividing by 0."""
    if _takes_number(probe):
        *others, _ = probe.operands
        for number in WIDE:
            yield f"with {number:g}", replace(probe, operands=(*others, number))


def _takes_number(probe: Probe) -> bool:
    """Whether the last operand of an elementwise op may be a number."""
    last = probe.operands[-1]
    several = ops.get(probe.op).shape is broadcast and len(probe.operands) > 1
    return several and _is_float(last) and bool(np.size(last))


def reflected(name: str) -> bool:
    """Whether Python's operator for an op takes a number on its left."""
    signs = {"subtract": "__rsub__", "divide": "__rtruediv__"}
    # where both sides may change places, the language has the tensor first
    return name in signs and hasattr(Value, signs[name])


def from_end(probe: Probe) -> Probe | None:
    """Written with axes counted from the end, which the op's method counts from the start."""
    op = ops.get(probe.op)
    rank = next(iter(probe.arrays().values())).ndim
    written = _from_end(probe.attributes, op.axes, rank)
    written |= _from_end(probe.attributes, op.axes_of_result, rank + 1)
    if not written:
        return None
    negative = replace(probe, written=written)
    # a method makes no node of what changes nothing, such as the identical permutation
    return negative if negative.graph().nodes else None


def enlarged(probe: Probe) -> tuple[tuple[int, ...], ...] | None:
    """Shapes with a first axis so long that there are many results; None where it is not free."""
    opened = open_lengths.opened(probe)
    if opened is None:
        return None
    results = sum(result.size for result in probe.reference(np.float64) if result.ndim)
    first = np.shape(probe.operands[0])[0]
    if not results or not first:
        return None
    length = first * math.ceil(MANY / results)
    shapes = [list(np.shape(operand)) for operand in probe.operands]
    for i, axis in opened.open:
        shapes[i][axis] = length
    return tuple(map(tuple, shapes))


def broadened(probe: Probe, axis: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Shapes that are long along an axis (-1, -2), and wherever one is as long as that.

    Those of all inputs, then of the first that has one: a filter is not as wide as its image. A
    kernel may be right up to the width of its vectors.
    """
    shapes = [np.shape(operand) for operand in probe.operands]
    found = [shape[axis] for shape in shapes if len(shape) >= -axis]
    lengths = tuple(length for length in found if length > 1)
    for chosen in dict.fromkeys((lengths, lengths[:1])):
        longer = [
            tuple(length * LONG if length in chosen else length for length in shape)
            for shape in shapes
        ]
        if chosen:
            yield tuple(longer)


def _strided(probe: Probe) -> Probe | None:
    ranks = [array.ndim for array in probe.arrays().values()]
    return replace(probe, layout="strided") if max(ranks, default=0) else None


def _stands(probe: Probe) -> bool:
    try:
        return bool(probe.graph().nodes)
    except ValueError:
        return False  # an open length that is every other element of another


def _is_float(operand: Operand) -> bool:
    return isinstance(operand, np.ndarray) and operand.dtype.kind == "f"


def _from_end(
    attributes: Mapping[str, Any], names: tuple[str, ...], rank: int
) -> dict[str, Any]:
    """Axes of a rank as negative numbers; no axes at all cannot be counted."""
    found: dict[str, Any] = {}
    for name in names:
        axes = attributes[name]
        if isinstance(axes, int):
            found[name] = axes - rank
        elif axes:
            found[name] = tuple(axis - rank for axis in axes)
    return found

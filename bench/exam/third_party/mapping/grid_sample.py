"""Sampling of images at points that are data: floors and weights of every axis, then a sum
over the elements around each point.

Axes: n batch, c channels, p points.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from bench.exam.third_party.mapping.call import Call, NotMappable, lengths, rank, total
from bench.exam.third_party.mapping.elementwise import floor, round_half_even
from models.value import Value, emit


@dataclass(frozen=True)
class Tap:
    """One element along one axis for every point: its index (n, p), clamped to the axis,
    and its weight (n, p).
    """

    index: Value
    weight: Value


def grid_sample(call: Call) -> Value:
    """Values of x (n, c, ...) at points (n, ..., axes) given in [-1, 1], the last axis of x
    first.
    """
    x, grid = call.all()
    if call.attribute("padding_mode", "zeros") == "reflection":
        raise NotMappable("sampling beyond the edge by reflection")
    batch, channels, *space = lengths(x)
    count = math.prod(lengths(grid)[1:-1])
    points = grid.reshape((batch, count, len(space))).unstack(axis=2)[::-1]
    taps = [
        _taps(call, _place(call, point, length), length)
        for point, length in zip(points, space, strict=True)
    ]
    flat = x.reshape((batch, channels, math.prod(space)))
    out = total(
        [_sampled(flat, around, space) for around in itertools.product(*taps)], "add"
    )
    return out.reshape((batch, channels, *lengths(grid)[1:-1]))


def _place(call: Call, point: Value, length: int) -> Value:
    """From [-1, 1] to elements: -1 and 1 are the centres of the outermost ones
    (align_corners), or their outer edges.
    """
    if call.attribute("align_corners", 0):
        return (point + 1.0) * ((length - 1) / 2)
    return (point + 1.0) * (length / 2) - 0.5


def _taps(call: Call, place: Value, length: int) -> list[Tap]:
    """The elements that a place is made of, by mode."""
    mode = call.attribute("mode", "linear")
    if mode == "nearest":
        return [_tap(call, round_half_even(place), None, length)]
    if call.attribute("padding_mode", "zeros") == "border":
        place = emit("minimum", emit("maximum", place, 0.0), float(length - 1))
    low = floor(place)
    part = place - low
    weights = _cubic(part) if mode in ("cubic", "bicubic") else [1.0 - part, part]
    return [
        _tap(call, low + float(i + 1 - len(weights) // 2), weight, length)
        for i, weight in enumerate(weights)
    ]


def _cubic(part: Value) -> list[Value]:
    """Keys' weights with a = -0.75 of the four elements around."""
    a, rest = -0.75, 1.0 - part
    near = [((t * (a + 2) - (a + 3)) * t * t) + 1.0 for t in (part, rest)]
    far = [(((t - 5.0) * t + 8.0) * t - 4.0) * a for t in (part + 1.0, rest + 1.0)]
    return [far[0], near[0], near[1], far[1]]


def _tap(call: Call, index: Value, weight: Value | None, length: int) -> Tap:
    """Outside the axis an element is that of the edge (border), or 0, which its weight
    says.
    """
    inside = emit("minimum", emit("maximum", index, 0.0), float(length - 1))
    due = index if call.attribute("padding_mode", "zeros") == "zeros" else inside
    present = emit("equal", inside, due).astype(index.dtype)
    return Tap(inside.astype("int64"), present if weight is None else weight * present)


def _sampled(flat: Value, around: tuple[Tap, ...], space: list[int]) -> Value:
    """One combination of taps: the element times all weights, (n, c, p)."""
    index = around[0].index
    for tap, length in zip(around[1:], space[1:], strict=True):
        index = index * length + tap.index
    weight = total([tap.weight for tap in around], "multiply")
    shape = (*lengths(flat)[:2], lengths(index)[1])
    picked = flat.take_along_axis(
        index.expand_dims(axis=1).broadcast_to(shape), axis=rank(flat) - 1
    )
    return picked * weight.expand_dims(axis=1)


MAP = {"GridSample": grid_sample}

"""Sampling of images at points that are data.

Floors and weights of every axis, then a sum over the elements around each point.

Axes: n batch, c channels, p points.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from bench.exam.third_party.mapping.call import Call, NotMappable, lengths, rank, total
from bench.exam.third_party.mapping.elementwise import floor, round_half_even
from models.value import Value, emit

A = -0.75  # the parameter of Keys' cubic that ONNX has fixed here


@dataclass(frozen=True)
class Tap:
    """One element along one axis for every point."""

    index: Value  # (n, p), clamped to the axis
    weight: Value  # (n, p)


def grid_sample(call: Call) -> Value:
    """Values of x (n, c, ...) at points (n, ..., axes).

    Points are given in [-1, 1], the last axis of x first.
    """
    x, grid = call.all()
    if _beyond(call) == "reflection":
        raise NotMappable("sampling beyond the edge by reflection")
    batch, channels, *space = lengths(x)
    shape = lengths(grid)[1:-1]  # of the points
    rows = grid.reshape((batch, math.prod(shape), len(space)))
    points = rows.unstack(axis=2)
    taps = [
        _taps(call, _place(call, point, length), length)
        for point, length in zip(points[::-1], space, strict=True)
    ]
    flat = x.reshape((batch, channels, math.prod(space)))
    # two taps along each of two axes make four elements around a point
    corners = itertools.product(*taps)
    out = total([_sampled(flat, around, space) for around in corners], "add")
    return out.reshape((batch, channels, *shape))


def _beyond(call: Call) -> str:
    """What is seen beyond the edge."""
    return str(call.attribute("padding_mode", "zeros"))


def _place(call: Call, point: Value, length: int) -> Value:
    """From [-1, 1] to elements.

    -1 and 1 are the centres of the outermost ones (align_corners), or their outer edges.
    """
    if call.flag("align_corners"):
        return (point + 1.0) * ((length - 1) / 2)
    return (point + 1.0) * (length / 2) - 0.5


def _taps(call: Call, place: Value, length: int) -> list[Tap]:
    """The elements that a place is made of, by mode."""
    mode = call.attribute("mode", "linear")
    if mode == "nearest":
        return [_tap(call, round_half_even(place), None, length)]
    if _beyond(call) == "border":
        place = _clamped(place, length)
    low = floor(place)
    part = place - low
    # older cases say bicubic, as all images had two axes
    cubic = mode in ("cubic", "bicubic")
    weights = _cubic(part) if cubic else [1.0 - part, part]
    # linear: elements 0 and 1 from the one below; cubic: -1 to 2
    first = 1 - len(weights) // 2
    return [
        _tap(call, low + float(first + i), weight, length)
        for i, weight in enumerate(weights)
    ]


def _cubic(part: Value) -> list[Value]:
    """Keys' weights of the four elements around.

    Two are at a distance below 1, and two beyond them.
    """
    rest = 1.0 - part
    return [_far(part + 1.0), _near(part), _near(rest), _far(rest + 1.0)]


def _near(t: Value) -> Value:
    return ((t * (A + 2) - (A + 3)) * t * t) + 1.0


def _far(t: Value) -> Value:
    return (((t - 5.0) * t + 8.0) * t - 4.0) * A


def _clamped(place: Value, length: int) -> Value:
    return emit("minimum", emit("maximum", place, 0.0), float(length - 1))


def _tap(
    call: Call,
    index: Value,
    weight: Value | None,
    length: int,
) -> Tap:
    """An element outside the axis.

    It is that of the edge (border), or 0, which its weight says.
    """
    inside = _clamped(index, length)
    # an index that clamping has moved lay outside
    due = index if _beyond(call) == "zeros" else inside
    present = emit("equal", inside, due).astype(index.dtype)
    return Tap(inside.astype("int64"), present if weight is None else weight * present)


def _sampled(
    flat: Value,
    around: tuple[Tap, ...],
    space: list[int],
) -> Value:
    """One combination of taps: the element times all weights, (n, c, p)."""
    first, *others = around
    index = first.index  # in the flat view, axis by axis
    for tap, length in zip(others, space[1:], strict=True):
        index = index * length + tap.index
    weight = total([tap.weight for tap in around], "multiply")
    shape = (*lengths(flat)[:2], lengths(index)[1])
    # all channels are sampled at the same points
    rows = index.expand_dims(axis=1).broadcast_to(shape)
    picked = flat.take_along_axis(rows, axis=rank(flat) - 1)
    return picked * weight.expand_dims(axis=1)


MAP = {"GridSample": grid_sample}

"""Resampling of regular grids, axis by axis.

A fixed table says which elements a result is made of, with which weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    last,
    lengths,
    rank,
    undone,
    where,
)
from models.value import Value

# Places of the inputs
ROI, SCALES, SIZES = 1, 2, 3


@dataclass(frozen=True)
class Line:
    """One axis to be resampled."""

    axis: int
    old: int
    new: int
    # new over old; not always their quotient, as the new length is rounded
    scale: float
    start: float = 0.0  # the part of the axis looked at, as shares of it
    end: float = 1.0

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        whole = (self.start, self.end) == (0, 1)
        return self.new != self.old or self.scale != 1 or not whole


def resize(call: Call) -> Value:
    """Nearest, linear or cubic, by scales or sizes."""
    x, outside = call.x(), None
    mode = call.attribute("coordinate_transformation_mode", "half_pixel")
    for line in _lines(call):
        places = _places(line, mode)
        x = _resampled(call, x, line, places)
        if mode == "tf_crop_and_resize":
            # The part looked at may go beyond the axis; one axis outside is enough.
            off = (places < 0) | (places > line.old - 1)
            beyond = _along(off, line.axis, rank(x))
            outside = beyond if outside is None else outside | beyond
    if outside is None:
        return x
    return where(
        call.constant(outside), float(call.attribute("extrapolation_value", 0.0)), x
    )


def _along(row: np.ndarray, axis: int, rank: int) -> np.ndarray:
    """A row laid along one axis of `rank`."""
    return row.reshape([-1 if i == axis else 1 for i in range(rank)])


def upsample(call: Call) -> Value:
    """The older operator.

    Coordinates are divided by the scale and rounded down, or linear between them.
    """
    x = call.x()
    nearest = call.attribute("mode", "nearest") == "nearest"
    for axis, scale in enumerate(call.static(1).tolist()):
        length = lengths(x)[axis]
        line = Line(axis, length, math.floor(length * scale), scale)
        places = _places(line, "asymmetric")
        x = _resampled(call, x, line, np.floor(places) if nearest else places)
    return x


def _lines(call: Call) -> list[Line]:
    """What each axis is resampled to; axes that stay as they are are left out."""
    x = call.x()
    axes = [axis % rank(x) for axis in call.attribute("axes", range(rank(x)))]
    old = [lengths(x)[axis] for axis in axes]
    scales, sizes = _targets(call, old)
    count = len(axes)
    # all starts, then all ends
    roi = [0.0] * count + [1.0] * count
    if call.has(ROI) and call.static(ROI).size:
        roi = call.static(ROI).tolist()
    rows = zip(axes, old, sizes, scales, roi[:count], roi[count:], strict=True)
    lines = [Line(*row) for row in rows]
    return [line for line in lines if line.changes]


def _targets(call: Call, old: Sequence[int]) -> tuple[list[float], list[int]]:
    """Scale and new length of each axis."""
    # One of the two is given; an input that is there may still be empty.
    if call.has(SCALES) and call.static(SCALES).size:
        scales = call.static(SCALES).tolist()
        pairs = zip(old, scales, strict=True)
        return scales, [math.floor(length * scale) for length, scale in pairs]
    sizes = list(call.ints(SIZES))
    scales = [new / length for new, length in zip(sizes, old, strict=True)]
    policy = call.attribute("keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return scales, sizes
    # One scale for all axes: the one at which none, or at least one, is as asked for.
    scale = min(scales) if policy == "not_larger" else max(scales)
    sizes = [math.floor(length * scale + 0.5) for length in old]
    return [scale] * len(scales), sizes


def _places(line: Line, mode: str) -> np.ndarray:
    """Where each new element lies on the old axis."""
    # the new length before it was rounded
    i = np.arange(line.new)
    exact = line.scale * line.old
    # The centre of an element lies half an element behind its index.
    centred = (i + 0.5) / line.scale - 0.5
    match mode:
        case "align_corners":
            # the outermost elements lie on the outermost elements
            return i * (line.old - 1) / (exact - 1) if exact > 1 else i * 0.0
        case "asymmetric":
            return i / line.scale
        case "tf_crop_and_resize":
            return _cropped(line, i)
        case "pytorch_half_pixel" if line.new == 1:
            return i * 0.0
        case "half_pixel_symmetric":
            # Rounding the length took a bit off one end; half of it is put back on each.
            return line.old / 2 * (1 - line.new / exact) + centred
    return centred


def _cropped(line: Line, i: np.ndarray) -> np.ndarray:
    """The outermost elements lie on the ends of the part; one alone in its middle."""
    if line.new == 1:
        middle = 0.5 * (line.start + line.end)
        return np.array([middle * (line.old - 1)])
    shares = line.start + i * (line.end - line.start) / (line.new - 1)
    return shares * (line.old - 1)


def _resampled(
    call: Call,
    x: Value,
    line: Line,
    places: np.ndarray,
) -> Value:
    """One axis by taking elements (nearest), or by a product with the table of weights."""
    if call.attribute("mode", "nearest") == "nearest":
        rule = call.attribute("nearest_mode", "round_prefer_floor")
        index = np.clip(ROUNDED[rule](places), 0, line.old - 1)
        return x.take(call.constant(index.astype(np.int64)), axis=line.axis)
    order = last(line.axis, rank(x))
    table = call.constant(_table(call, line, places).T, x)
    return (x.permute_dims(order) @ table).permute_dims(undone(order))


# The two that prefer differ where a place is half way between two elements.
ROUNDED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda places: np.ceil(places - 0.5),
    "round_prefer_ceil": lambda places: np.floor(places + 0.5),
}


def _table(call: Call, line: Line, places: np.ndarray) -> np.ndarray:
    """Weights (new, old).

    Antialiasing widens the filter where the axis shrinks; taps outside fall on the edge, or
    away.
    """
    cubic = call.attribute("mode") == "cubic"
    widen = min(line.scale, 1.0) if call.flag("antialias") else 1.0
    # elements on either side that have a weight
    reach = math.ceil((2 if cubic else 1) / widen)
    table = np.zeros((line.new, line.old))
    for row, place in zip(table, places, strict=True):
        near = math.floor(place)
        taps = np.arange(near - reach + 1, near + reach + 1)
        distance = (taps - place) * widen
        if cubic:
            weights = _cubic(distance, call.attribute("cubic_coeff_a", -0.75))
        else:
            weights = np.maximum(0, 1 - np.abs(distance))
        if call.flag("exclude_outside"):
            weights = np.where((taps >= 0) & (taps < line.old), weights, 0)
        # Several taps may fall on the edge: `row[taps] +=` would keep one of them.
        inside = np.clip(taps, 0, line.old - 1)
        np.add.at(row, inside, weights / weights.sum())
    return table


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution (1981)."""
    t = np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((t - 5) * t + 8) * t * a - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


MAP = {"Resize": resize, "Upsample": upsample}

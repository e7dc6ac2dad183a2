"""Resampling of regular grids, axis by axis: a fixed table says which elements a result is
made of, with which weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.exam.third_party.mapping.call import Call, lengths, rank, where
from models.value import Value


@dataclass(frozen=True)
class Line:
    """One axis to be resampled: old and new length, new over old (not always their
    quotient), and the part of the axis looked at.
    """

    axis: int
    old: int
    new: int
    scale: float
    start: float = 0.0
    end: float = 1.0


def resize(call: Call) -> Value:
    """Nearest, linear or cubic, by scales or sizes."""
    x, outside = call.x(), None
    for line in _lines(call):
        places = _places(
            line, call.attribute("coordinate_transformation_mode", "half_pixel")
        )
        x = _resampled(call, x, line, places)
        if call.attribute("coordinate_transformation_mode") == "tf_crop_and_resize":
            beyond = ((places < 0) | (places > line.old - 1)).reshape(
                [-1 if i == line.axis else 1 for i in range(rank(x))]
            )
            outside = beyond if outside is None else outside | beyond
    return (
        x
        if outside is None
        else where(
            call.constant(outside), float(call.attribute("extrapolation_value", 0.0)), x
        )
    )


def upsample(call: Call) -> Value:
    """The older operator: coordinates divided by the scale and rounded down, or linear
    between them.
    """
    x = call.x()
    for axis, scale in enumerate(call.static(1).tolist()):
        length = lengths(x)[axis]
        line = Line(axis, length, math.floor(length * scale), scale)
        places = _places(line, "asymmetric")
        nearest = call.attribute("mode", "nearest") == "nearest"
        x = _resampled(call, x, line, np.floor(places) if nearest else places)
    return x


def _lines(call: Call) -> list[Line]:
    """What each axis is resampled to; axes that stay as they are are left out."""
    x = call.x()
    axes = [axis % rank(x) for axis in call.attribute("axes", range(rank(x)))]
    old = [lengths(x)[axis] for axis in axes]
    scales, sizes = _targets(call, old)
    roi = (
        call.static(1).tolist()
        if call.has(1) and call.static(1).size
        else [0.0] * len(axes) + [1.0] * len(axes)
    )
    rows = zip(axes, old, sizes, scales, roi[: len(axes)], roi[len(axes) :], strict=True)
    return [
        line
        for line in (Line(*row) for row in rows)
        if line.new != line.old or line.scale != 1 or (line.start, line.end) != (0, 1)
    ]


def _targets(call: Call, old: Sequence[int]) -> tuple[list[float], list[int]]:
    """Scale and new length of each axis."""
    if call.has(2) and call.static(2).size:
        scales = call.static(2).tolist()
        return scales, [
            math.floor(length * scale) for length, scale in zip(old, scales, strict=True)
        ]
    sizes = list(call.ints(3))
    scales = [new / length for new, length in zip(sizes, old, strict=True)]
    policy = call.attribute("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch":
        scales = [min(scales) if policy == "not_larger" else max(scales)] * len(scales)
        sizes = [
            math.floor(length * scale + 0.5)
            for length, scale in zip(old, scales, strict=True)
        ]
    return scales, sizes


def _places(line: Line, mode: str) -> np.ndarray:
    """Where each new element lies on the old axis."""
    # the length before it was rounded
    i, exact = np.arange(line.new), line.scale * line.old
    match mode:
        case "align_corners":
            return i * (line.old - 1) / (exact - 1) if exact > 1 else i * 0.0
        case "asymmetric":
            return i / line.scale
        case "tf_crop_and_resize":
            if line.new == 1:
                return np.array([0.5 * (line.start + line.end) * (line.old - 1)])
            return (line.start + i * (line.end - line.start) / (line.new - 1)) * (
                line.old - 1
            )
        case "pytorch_half_pixel" if line.new == 1:
            return i * 0.0
        case "half_pixel_symmetric":
            shift = line.old / 2 * (1 - line.new / exact)
            return shift + (i + 0.5) / line.scale - 0.5
    return (i + 0.5) / line.scale - 0.5


def _resampled(call: Call, x: Value, line: Line, places: np.ndarray) -> Value:
    """One axis by taking elements (nearest), or by a product with the table of weights."""
    if call.attribute("mode", "nearest") == "nearest":
        index = np.clip(
            _rounded(places, call.attribute("nearest_mode", "round_prefer_floor")),
            0,
            line.old - 1,
        )
        return x.take(call.constant(index.astype(np.int64)), axis=line.axis)
    order = (*(i for i in range(rank(x)) if i != line.axis), line.axis)
    rows = x.permute_dims(order) @ call.constant(_table(call, line, places).T, x)
    return rows.permute_dims(tuple(np.argsort(order).tolist()))


def _rounded(places: np.ndarray, mode: str) -> np.ndarray:
    rules: dict[str, np.ndarray] = {
        "floor": np.floor(places),
        "ceil": np.ceil(places),
        "round_prefer_floor": np.ceil(places - 0.5),
        "round_prefer_ceil": np.floor(places + 0.5),
    }
    return rules[mode]


def _table(call: Call, line: Line, places: np.ndarray) -> np.ndarray:
    """Weights (new, old).

    Antialiasing widens the filter where the axis shrinks; taps outside fall on the edge, or
    away.
    """
    cubic, a = call.attribute("mode") == "cubic", call.attribute("cubic_coeff_a", -0.75)
    widen = min(line.scale, 1.0) if call.attribute("antialias", 0) else 1.0
    reach = math.ceil((2 if cubic else 1) / widen)
    table = np.zeros((line.new, line.old))
    for row, place in zip(table, places, strict=True):
        taps = np.arange(math.floor(place) - reach + 1, math.floor(place) + reach + 1)
        weights = (
            _cubic((taps - place) * widen, a)
            if cubic
            else np.maximum(0, 1 - np.abs((taps - place) * widen))
        )
        if call.attribute("exclude_outside", 0):
            weights = np.where((taps >= 0) & (taps < line.old), weights, 0)
        np.add.at(row, np.clip(taps, 0, line.old - 1), weights / weights.sum())
    return table


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Keys' cubic convolution (1981)."""
    t = np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((t - 5) * t + 8) * t * a - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


MAP = {"Resize": resize, "Upsample": upsample}

"""Numbers alone, of one person.

(frames, joints, 2 or 3), or {keypoints: numbers, width, height, fps, skeleton}, all but the first
optional. A frame of null, of nothing or of NaN is without anybody; of 33 joints, MediaPipe's, there
may be 5 numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.data.detections import joints
from bench.data.detections.formats import _landmarks
from bench.data.detections.video import (
    Array,
    Layout,
    Person,
    Video,
    stated_fps,
    stated_size,
)
from bench.data.formats.checks import HUGE, numbers
from bench.data.geometry import skeletons
from models.errors import BadInput, UnknownName

FORMAT = "plain numbers (frames, joints, 2 or 3), or {keypoints: numbers}"


def fits(value: object) -> bool:
    """Whether a value is of this format."""
    if isinstance(value, dict):
        return "keypoints" in value
    if isinstance(value, np.ndarray):
        return True
    first = (
        next((each for each in value if each), None) if isinstance(value, list) else 0
    )
    return isinstance(value, list) and not isinstance(first, dict)


def read(value: Any, where: str) -> list[Video]:
    """The video of the file. Raises BadInput."""
    if not isinstance(value, dict):
        return [video(value, where)]
    stated = dataclasses.replace(
        video(value["keypoints"], where),
        size=stated_size(value, where),
        fps=stated_fps(value, where),
        layout=_layout(value, where),
    )
    return [stated]


def video(value: object, where: str) -> Video:
    """Numbers (frames, joints, 2 or 3) as a video.

    Without a third number every joint is certain that is not at 0, 0. What is not finite is let
    through, as 0, where its confidence is 0. Raises BadInput elsewhere, naming frame and joint.
    """
    table = _table(value, where)
    landmarks = table.shape[1] == _landmarks.COUNT
    if landmarks:
        points, notes = _landmarks.read(table, where)
    else:
        points, notes = _points(table)
    # NaN fails the comparison too
    sane = np.all(np.abs(points) < HUGE, axis=-1)
    bad = ~sane & (points[..., 2] != 0)
    if bad.any():
        frame, joint = np.argwhere(bad)[0].tolist()
        raise BadInput(
            f"{where}: frame {frame}, joint {joint} is not finite or beyond {HUGE:g}; give"
            " a missed joint confidence 0"
        )
    points = np.where(sane[..., None], points, 0.0)
    return Video(
        [[Person(person)] for person in points],
        shares=landmarks and _landmarks.are_shares(points),
        notes=notes,
    )


def _table(value: object, where: str) -> Array:
    """(frames, joints, 2 or 3), or up to 5 of landmarks. Raises BadInput."""
    found = numbers(_filled(value))
    if found is None:
        raise BadInput(
            f"{where}: no table of numbers; (frames, joints, 2 or 3), the same in each"
            " frame, was due"
        )
    most = 5 if found.ndim == 3 and found.shape[1] == _landmarks.COUNT else 3
    if found.ndim != 3 or not 2 <= found.shape[2] <= most:
        raise BadInput(
            f"{where}: shape {found.shape} came; (frames, joints, 2 or 3) was due"
        )
    return found


def _filled(value: object) -> object:
    """Lists with a frame of NaN for each that is null or empty."""
    if not isinstance(value, list) or all(value):
        return value
    some = next((frame for frame in value if isinstance(frame, list) and frame), None)
    if some is None or not isinstance(some[0], list):
        return value
    nobody = [[None] * len(some[0])] * len(some)
    return [nobody if frame in (None, []) else frame for frame in value]


def _points(table: Array) -> tuple[Array, tuple[str, ...]]:
    """x, y, confidence of each joint, and notes."""
    places = table[..., :2]
    if table.shape[2] == 3:
        # a frame of nothing but NaN is of nobody; elsewhere the confidence speaks
        nobody = np.asarray(np.isnan(table).all(axis=(1, 2)))
        sure = np.where(nobody[:, None], 0.0, table[..., 2])
        return np.concatenate([places, sure[..., None]], axis=-1), ()
    missed = np.where(places == 0, True, np.isnan(places)).all(axis=-1)
    sure = np.where(missed, 0.0, 1.0)
    note = f"{missed.sum()} joints at 0, 0 or NaN taken for missed"
    points = np.concatenate([places, sure[..., None]], axis=-1)
    return points, (note,) if missed.any() else ()


def _layout(value: Mapping[str, Any], where: str) -> Layout | None:
    skeleton = value.get("skeleton")
    if skeleton is None:
        return None
    # a list, say, could not even be looked up
    if not isinstance(skeleton, str) or skeleton not in skeletons.SKELETONS:
        raise UnknownName(
            f"skeleton in {where}:",
            str(skeleton)[:40],
            skeletons.SKELETONS,
        )
    return joints.only(skeleton)

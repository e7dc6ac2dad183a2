"""What every format of detections is read as: videos, their frames, the people in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.formats.checks import array, whole
from models.errors import BadInput

Array = NDArray[np.float64]

FASTEST = 1e6  # frames a second
WIDEST = 10**6  # pixels


class Person(NamedTuple):
    """x, y, confidence (joints, 3) in pixels, and the tracker's number; None without one."""

    points: Array
    track: int | None = None

    @property
    def seen(self) -> bool:
        """Whether any joint was found."""
        return bool((self.points[:, 2] > 0).any())


Frame = list[Person]


class Layout(NamedTuple):
    """Which skeleton, and where its joints are among those of the file."""

    skeleton: str
    picks: tuple[int, ...]
    alone: bool = False  # whether the file has no other joints


@dataclass(frozen=True)
class Video:
    """Frames of people, and what the file states of them; None where it does not."""

    frames: list[Frame]
    name: str = ""  # among the videos of the file; empty for the only one
    size: tuple[int, int] | None = None  # width and height of the picture, pixels
    fps: float | None = None
    layout: Layout | None = None
    shares: bool = (
        False  # whether coordinates are shares of the picture's size, not pixels
    )
    scores: bool = False  # whether confidences are scores, which may go beyond 1
    picture: bool = False  # whether the file is one picture of several
    notes: tuple[str, ...] = ()


def flat(value: object, where: str) -> Array:
    """x, y, confidence in a row (3 joints,), as (joints, 3); null is no joints. Raises BadInput."""
    row = array([] if value is None else value, (-1,), where)
    if len(row) % 3:
        raise BadInput(
            f"{where}: {len(row)} numbers came; x, y and confidence for each joint"
            " were due"
        )
    return row.reshape(-1, 3)


def track(entry: Mapping[str, Any], *keys: str) -> int | None:
    """The tracker's number under one of the keys.

    Trackers write a number, or a list of one; what is below zero, or no number, is none.
    """
    for key in keys:
        value = entry.get(key)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        # not isinstance: true is an int in Python
        if type(value) is int or (type(value) is float and value.is_integer()):
            return None if value < 0 else whole(value, key)
    return None


def stated_size(value: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    """Width and height where an object has both. Raises BadInput."""
    if "width" not in value or "height" not in value:
        return None
    return size(value["width"], value["height"], where)


def size(width: object, height: object, where: str) -> tuple[int, int]:
    """Width and height as whole pixels. Raises BadInput."""
    found = whole(width, f"{where}: width"), whole(height, f"{where}: height")
    if not 0 < min(found) <= max(found) <= WIDEST:
        raise BadInput(
            f"{where}: a picture of {found[0]} x {found[1]} came; 1 to {WIDEST} pixels each"
            " way were due"
        )
    return found


def stated_fps(value: Mapping[str, Any], where: str) -> float | None:
    """Frames a second where an object has them. Raises BadInput."""
    fps = value.get("fps")
    # not isinstance: true is an int in Python
    if fps is not None and not (type(fps) in (int, float) and 0 < fps <= FASTEST):
        raise BadInput(
            f"{where}: fps {fps!r:.40} came; a number above 0 and up to {FASTEST:g} was due"
        )
    return None if fps is None else float(fps)

"""OpenPose: a file for each frame, or AlphaPose's one object of such frames by picture.

{people: [{pose_keypoints_2d: [x, y, c, ...], person_id: [n]}]}; AlphaPose's older form says bodies
and joints. Nobody is an empty list, null, or a file without people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.data.detections.formats import _entries
from bench.data.detections.names import Name
from bench.data.detections.video import Frame, Person, Video, flat, track
from bench.data.formats.checks import mapping, sequence

FORMAT = "OpenPose ({people}, a file a frame)"

# what holds the people, and what a person's numbers
KEYS = {"people": "pose_keypoints_2d", "bodies": "joints"}


def fits(value: object) -> bool:
    """Whether a value is of this format."""
    return value is None or _is_frame(value) or _is_by_picture(value)


def _is_frame(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    # a frame of nobody may have nothing but its version
    return any(key in value for key in KEYS) or set(value) <= {"version"}


def _is_by_picture(value: object) -> bool:
    frames = list(value.values()) if isinstance(value, dict) else []
    return bool(frames) and all(map(_is_frame, frames))


def read(value: Mapping[str, Any] | None, where: str) -> list[Video]:
    """The frame of the file, or the videos of its frames. Raises BadInput."""
    if value is None or _is_frame(value):
        return [Video([_frame(value or {}, where)], picture=True)]
    frames: dict[Name, Frame] = {
        name: _frame(frame, f"{where}: {name:.40}") for name, frame in value.items()
    }
    return _entries.videos(frames)


def _frame(value: Mapping[str, Any], where: str) -> Frame:
    """The people of one frame who have keypoints."""
    frame: Frame = []
    for key, numbers in KEYS.items():
        for person in sequence(value.get(key) or [], f"{where}: {key}"):
            points = flat(mapping(person, where, numbers)[numbers], where)
            if len(points):
                frame.append(Person(points, track(person, "person_id", "idx")))
    return frame

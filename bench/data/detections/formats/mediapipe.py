"""MediaPipe's 33 landmarks as JSON.

A list of frames, or an object that holds it as landmarks, beside width, height and fps; a frame is
a list of {x, y, z, visibility}, a list of such lists, null or empty for nobody, or an object with
one of `KEYS`, and with the frame's number or time if it has one. What the numbers of landmarks are
is in `_landmarks`.
"""

from __future__ import annotations

from typing import Any

from bench.data.detections.formats import _landmarks, _times
from bench.data.detections.joints import LAYOUTS
from bench.data.detections.video import Frame, Person, Video, stated_fps, stated_size
from bench.data.formats.checks import array, mapping, sequence

FORMAT = "MediaPipe's landmarks ([[{x, y, z, visibility}, ...], ...])"

KEYS = ("landmarks", "landmark", "pose_landmarks", "poseLandmarks")
NUMBERS = ("x", "y", "z", "visibility")
DEEPEST = 3  # lists in lists: of frames, of people, of landmarks


def fits(value: object, *, deep: int = DEEPEST) -> bool:
    """Whether a value is of this format."""
    if isinstance(value, dict):
        return {"x", "y"} <= set(value) or any(key in value for key in KEYS)
    if not isinstance(value, list) or not deep:
        return False
    # the first frames may be of nobody
    first = next((each for each in value if each), None)
    return fits(first, deep=deep - 1)


def read(value: Any, where: str) -> list[Video]:
    """The video of the file. Raises BadInput, for world landmarks too."""
    header = value if isinstance(value, dict) else {}
    inner = _inner(value)
    # one frame alone is the list of its landmarks
    frames = [inner] if _is_person(inner) else sequence(inner, where)
    people = [
        [_table(each, f"{where}: frame {place}") for each in _people(frame, where)]
        for place, frame in enumerate(frames)
    ]
    rows = [person for frame in people for person in frame]
    points, _ = _landmarks.read(array(rows or _NOBODY, _SHAPE, where), where)
    each = iter(points)
    found: list[Frame] = [[Person(next(each)) for _ in frame] for frame in people]
    ordered = _times.ordered(frames, found, where)
    video = Video(
        ordered.frames,
        size=stated_size(header, where),
        fps=stated_fps(header, where) or ordered.fps,
        layout=LAYOUTS[_landmarks.COUNT].layout,
        shares=_landmarks.are_shares(points),
        notes=ordered.notes,
    )
    return [video]


_SHAPE = (-1, _landmarks.COUNT, len(NUMBERS))
_NOBODY = [[[0.0] * len(NUMBERS)] * _landmarks.COUNT]  # a table has one frame at least


def _inner(value: Any) -> Any:
    """What an object holds under one of the keys; anything else as it is."""
    found = [key for key in KEYS if isinstance(value, dict) and key in value]
    return value[found[0]] if found else value


def _is_person(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and "x" in first


def _people(frame: Any, where: str) -> list[Any]:
    """The lists of landmarks of a frame."""
    inner = _inner(frame)
    if not inner:
        return []
    if _is_person(inner):
        return [inner]
    return [_inner(person) for person in sequence(inner, where) if person]


def _table(person: Any, where: str) -> list[list[Any]]:
    """The numbers of each landmark; protobuf leaves out those that are 0."""
    rows = []
    for entry in sequence(person, where):
        landmark = mapping(entry, where, "x", "y")
        rows.append([landmark.get(name, 0) for name in NUMBERS])
    return rows

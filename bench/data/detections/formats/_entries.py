"""Lists of people that name their picture: COCO's results, and the annotations of its data sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bench.data.detections import pictures
from bench.data.detections.names import Name
from bench.data.detections.video import Frame, Person, Video, flat, track
from bench.data.formats.checks import mapping, sequence, whole


def people(annotations: object, where: str) -> dict[Name, Frame]:
    """People by picture. A person without keypoints is left out, and the picture stays."""
    found: dict[Name, Frame] = defaultdict(list)
    for place, entry in enumerate(sequence(annotations, where)):
        here = f"{where}: entry {place}"
        person = mapping(entry, here, "image_id", "keypoints")
        frame = found[picture(person["image_id"], here)]
        points = flat(person["keypoints"], here)
        if len(points):
            # AlphaPose's tracker, and PoseTrack's annotations
            frame.append(Person(points, track(person, "idx", "track_id", "person_id")))
    return found


def picture(value: object, where: str) -> Name:
    """The name or number of a picture. Raises BadInput."""
    return value if isinstance(value, str) else whole(value, f"{where}: picture")


def videos(frames: Mapping[Name, Frame], names: Iterable[Name] = ()) -> list[Video]:
    """The videos of pictures, those of `names` among them.

    A frame without people stands where a picture lacks.
    """
    strips = pictures.strips({*frames, *names})
    return [
        Video(
            [_frame(frames, name) for name in strip.pictures],
            name=strip.label if len(strips) > 1 else "",
            notes=strip.notes,
        )
        for strip in strips
    ]


def _frame(frames: Mapping[Name, Frame], name: Name | None) -> Frame:
    return [] if name is None else list(frames.get(name, ()))


def is_list_of(value: object, *keys: str) -> bool:
    """Whether a value is a list whose first entry is an object with one of the keys."""
    first = value[0] if isinstance(value, Sequence) and value else None
    return isinstance(first, dict) and any(key in first for key in keys)

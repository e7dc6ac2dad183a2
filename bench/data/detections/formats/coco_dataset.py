"""COCO's data sets: pictures, and the people annotated in them.

{images: [{id, width, height, file_name}], annotations: [{image_id, keypoints: [x, y, v, ...]}],
categories: [{keypoints: names of joints}]}; v is the visibility 0, 1 or 2. A picture without
annotations is a frame without people.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from bench.data.detections import joints
from bench.data.detections.formats import _entries
from bench.data.detections.names import Name
from bench.data.detections.video import Layout, Video, stated_size
from bench.data.formats.checks import mapping, sequence
from models.errors import BadInput

FORMAT = "a COCO data set ({images, annotations})"


def fits(value: object) -> bool:
    """Whether a value is of this format."""
    return isinstance(value, dict) and "annotations" in value


def read(value: Mapping[str, Any], where: str) -> list[Video]:
    """The videos of the file. Raises BadInput."""
    images = [
        mapping(image, f"{where}: image {place}", "id")
        for place, image in enumerate(sequence(value.get("images", []), where))
    ]
    named = _names(images, where)
    people = {
        named.get(picture, picture): frame
        for picture, frame in _entries.people(value["annotations"], where).items()
    }
    size = _size(images, where)
    layout = _layout(value.get("categories"))
    return [
        dataclasses.replace(video, size=size, layout=layout)
        for video in _entries.videos(people, named.values())
    ]


def _names(images: list[Mapping[str, Any]], where: str) -> dict[Name, Name]:
    """The pictures' names by their numbers; the numbers themselves where not all have a name."""
    numbers = [_entries.picture(image["id"], where) for image in images]
    names = [image.get("file_name") for image in images]
    words = [name for name in names if isinstance(name, str)]
    # of two pictures of one name only the number tells one from the other
    if len(set(words)) < len(images):
        return dict(zip(numbers, numbers, strict=True))
    return dict(zip(numbers, words, strict=True))


def _size(images: list[Mapping[str, Any]], where: str) -> tuple[int, int] | None:
    sizes = {size for image in images if (size := stated_size(image, where))}
    # pixels of one clip are those of one camera
    if len(sizes) > 1:
        raise BadInput(
            f"{where}: pictures of {len(sizes)} sizes; one size was due: split the file by"
            " picture size"
        )
    return next(iter(sizes), None)


def _layout(categories: object) -> Layout | None:
    """The joints as the first category names them."""
    first = categories[0] if isinstance(categories, list) and categories else None
    names = first.get("keypoints") if isinstance(first, dict) else None
    return joints.named(names) if isinstance(names, list) else None

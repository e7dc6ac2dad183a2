"""COCO's data sets: pictures, and the people annotated in them.

{images: [{id, width, height, file_name}], annotations: [{image_id, keypoints: [x, y, v, ...]}],
categories: [{keypoints: names of joints}]}; v is the visibility 0, 1 or 2. A picture without
annotations is a frame without people.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
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
    layout = _layout(value, where)
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


def _layout(value: Mapping[str, Any], where: str) -> Layout | None:
    """The joints as the category of the people names them.

    Raises BadInput for people of a category that is not there, and of several whose joints differ.
    """
    categories = value.get("categories")
    known = [
        each
        for each in (categories if isinstance(categories, list) else [])
        if isinstance(each, dict)
    ]
    taken = [
        _category(known, person["category_id"], where)
        for person in value["annotations"]
        if known and person["keypoints"] and "category_id" in person
    ]
    # people of no stated category are of any
    names = [each.get("keypoints") for each in taken or known]
    different = [each for each in names if each != names[0]]
    if different:
        raise BadInput(
            f"{where}: people of categories with other joints ({names[0]!s:.40}, and"
            f" {different[0]!s:.40}); leave those of one category"
        )
    return joints.named(names[0]) if names and isinstance(names[0], list) else None


def _category(
    known: Sequence[Mapping[str, Any]], number: object, where: str
) -> Mapping[str, Any]:
    """The category of a number; one without a number is everybody's."""
    for each in known:
        if each.get("id", number) == number:
            return each
    raise BadInput(
        f"{where}: category {number!r:.40} of a person is none of the file's categories;"
        f" {known[0]['id']!r:.40} was due"
    )

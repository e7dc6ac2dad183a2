"""Pictures that a list of COCO's kind names: their files and where the person is in each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.formats.checks import array, mapping, sequence, strange, whole
from models.errors import BadInput, shortened

FOLDER = "images"
NAME = 1000  # characters, longer than any system takes
SMALLEST = 1.0  # pixel, of a box and of what is seen of it
LARGEST = 10.0  # times the picture: the person would be a dot in it


class Image(NamedTuple):
    """A picture: its size in pixels, the number by which annotations speak of it, its file."""

    width: int
    height: int
    id: int
    file: str  # empty where no pictures are at hand


def folder(location: Path) -> Path | None:
    """The folder of pictures beside the lists, or beside the folder of lists; None without one."""
    beside = (location / FOLDER, location.parent / FOLDER)
    kept = beside if location.name == "annotations" else beside[:1]
    # absolute: a run's processes work elsewhere
    return next((path.absolute() for path in kept if path.is_dir()), None)


def file(
    pictures: Path,
    row: Mapping[str, Any],
    where: str,
) -> str:
    """The file that a row of `images` names. Raises BadInput for one that is not in the folder."""
    name = row.get("file_name")
    if not isinstance(name, str) or not 0 < len(name) < NAME or strange(name):
        raise BadInput(
            f"{where}: file_name {shortened(repr(name))} came; the name of a picture in"
            f" {pictures} was due"
        )
    # a backslash parts names elsewhere, and would be a way out there
    place = PurePosixPath(name.replace("\\", "/"))
    if not place.parts:
        raise BadInput(
            f"{where}: file_name {name!r} is the folder itself; the name of a picture in"
            f" {pictures} was due"
        )
    way_out = place.is_absolute() or ".." in place.parts or ":" in place.parts[0]
    if way_out or not _inside(pictures, pictures / place):
        raise BadInput(
            f"{where}: file_name {shortened(name)} leads out of {pictures}; a name in that"
            " folder was due"
        )
    return str(pictures / place)


def _inside(pictures: Path, path: Path) -> bool:
    """Whether a path is in the folder of pictures when all links are followed."""
    # asked for each picture; but for a link, the folder that it lies in decides
    if path.is_symlink():
        return path.resolve().is_relative_to(_resolved(pictures))
    return _resolved(path.parent).is_relative_to(_resolved(pictures))


@lru_cache(maxsize=64)
def _resolved(path: Path) -> Path:
    return path.resolve()


def check_owners(
    annotations: object, shots: Iterable[Mapping[int, Image]], path: Path
) -> None:
    """Raise BadInput for two pictures of one number or file, and for annotations of none."""
    images = [image for frames in shots for image in frames.values()]
    known = {image.id for image in images}
    files = [image.file for image in images if image.file]
    named: dict[str, list[Any]] = {
        "id": [image.id for image in images],
        "file_name": files,
    }
    for what, values in named.items():
        for value, count in Counter(values).most_common(1):
            if count > 1:
                raise BadInput(
                    f"{path}: images: {what} {value} is of {count} frames; one each was due:"
                    " correct it or leave the others out"
                )
    for place, annotation in enumerate(sequence(annotations, f"{path}: annotations")):
        where = f"{path}: annotation {place}"
        number = whole(mapping(annotation, where, "image_id")["image_id"], where)
        if number not in known:
            raise BadInput(
                f"{where}: image_id {number} is of no picture in images; correct it or leave"
                " the annotation out"
            )


def boxes(
    annotations: object, shots: Iterable[Mapping[int, Image]], path: Path
) -> dict[int, NDArray[np.float64]]:
    """x, y, width, height in pixels by picture, of those that have a file and a box.

    Raises BadInput for two boxes of a picture, and for one that lies outside of it.
    """
    images = [image for frames in shots for image in frames.values()]
    sizes = {image.id: (image.width, image.height) for image in images if image.file}
    found: dict[int, NDArray[np.float64]] = {}
    for place, annotation in enumerate(sequence(annotations, f"{path}: annotations")):
        where = f"{path}: annotation {place}"
        row = mapping(annotation, where, "image_id")
        number = whole(row["image_id"], where)
        if "bbox" not in row or number not in sizes:
            continue
        box = _box(row["bbox"], sizes[number], f"{where}, bbox")
        if found.setdefault(number, box) is not box:
            raise BadInput(
                f"{where}: a second person in picture {number}; leave one out"
            )
    return found


def shown(
    images: Sequence[Image], boxes: Mapping[int, NDArray[np.float64]]
) -> tuple[tuple[str, ...] | None, NDArray[np.float32] | None]:
    """The files of pictures, where they are at hand; the boxes (frames, 4), where all have one."""
    if not all(image.file for image in images):
        return None, None
    files = tuple(image.file for image in images)
    # where one lacks, all have those of their keypoints
    if not all(image.id in boxes for image in images):
        return files, None
    return files, np.stack([boxes[image.id] for image in images]).astype(np.float32)


def _box(
    value: object,
    size: tuple[int, int],
    where: str,
) -> NDArray[np.float64]:
    """x, y, width and height of a box. Raises BadInput where hardly anything is seen in it."""
    # true is a number to NumPy
    if isinstance(value, list) and any(isinstance(side, bool) for side in value):
        raise BadInput(f"{where}: true or false came; four numbers were due")
    box = array(value, (4,), where)
    corner, sides, picture = box[:2], box[2:], np.array(size, np.float64)
    if (sides < SMALLEST).any():
        raise BadInput(
            f"{where}: {sides[0]:g} x {sides[1]:g} pixels; x, y, width and height with both of"
            f" at least {SMALLEST:g} were due"
        )
    if (sides > LARGEST * picture).any():
        raise BadInput(
            f"{where}: {sides[0]:g} x {sides[1]:g} pixels, of a picture of {size[0]} x {size[1]};"
            f" at most {LARGEST:g} times its sides were due"
        )
    seen = np.minimum(corner + sides, picture) - np.maximum(corner, 0)
    if (seen < SMALLEST).any():
        x, y, right, low = *corner, *(corner + sides)
        raise BadInput(
            f"{where}: from {x:g}, {y:g} to {right:g}, {low:g}, outside the picture of"
            f" {size[0]} x {size[1]} pixels; correct it or leave the picture out"
        )
    return box

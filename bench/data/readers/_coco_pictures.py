"""Pictures that a list of COCO's kind names: their files and where the person is in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.data.formats.checks import array, mapping, sequence, whole
from models.errors import BadInput, shortened

FOLDER = "images"
NAME = 1000  # characters, longer than any system takes


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
    if not isinstance(name, str) or not 0 < len(name) < NAME or "\0" in name:
        raise BadInput(
            f"{where}: file_name {shortened(repr(name))} came; the name of a picture in"
            f" {pictures} was due"
        )
    # a backslash parts names elsewhere, and would be a way out there
    place = PurePosixPath(name.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
        raise BadInput(
            f"{where}: file_name {shortened(name)} leads out of {pictures}; a name in that"
            " folder was due"
        )
    return str(pictures / place)


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
        box = array(row["bbox"], (4,), f"{where}, bbox")
        _inside(box, sizes[number], f"{where}, bbox")
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


def _inside(
    box: NDArray[np.float64],
    size: tuple[int, int],
    where: str,
) -> None:
    x, y, wide, high = box.tolist()
    width, height = size
    if min(wide, high) <= 0:
        raise BadInput(
            f"{where}: {wide:g} x {high:g} pixels; x, y, width and height with both above 0"
            " were due"
        )
    if x >= width or y >= height or x + wide <= 0 or y + high <= 0:
        raise BadInput(
            f"{where}: from {x:g}, {y:g} to {x + wide:g}, {y + high:g}, outside the picture of"
            f" {width} x {height} pixels; correct it or leave the picture out"
        )

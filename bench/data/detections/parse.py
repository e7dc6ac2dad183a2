"""A file of any format that detectors write, as the videos in it: the folder `formats` has them."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from bench.data.detections.video import Video
from bench.data.formats import pickles
from bench.data.formats.json_file import read as read_json
from models import folder
from models.errors import BadInput

READERS = {".json": read_json, ".npy": pickles.load_npy, ".npz": pickles.load_npz}


def read(path: Path) -> list[Video]:
    """The videos of a file; one of one frame where the file is a picture.

    Raises BadInput for what is of none of the formats, with its place.
    """
    suffix = path.suffix.lower()
    reader = READERS.get(suffix, read_json)
    return parse(reader(path), str(path))


def parse(value: object, where: str) -> list[Video]:
    """The videos of a file's content; `where` leads the message. Raises BadInput."""
    for module in _formats():
        if module.fits(value):
            return list(module.read(value, where))
    known = "; ".join(module.FORMAT for module in _formats())
    raise BadInput(f"{where}: none of the formats that are read: {known}")


@cache
def _formats() -> tuple[ModuleType, ...]:
    names = folder.files(Path(__file__).parent / "formats")
    return tuple(
        importlib.import_module(f"bench.data.detections.formats.{name}")
        for name in names
    )

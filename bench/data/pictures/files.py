"""Crops of real pictures, as files that others made: nothing of them is believed.

A file is opened as one of a few formats, its size is held against the one that was stated before
anything is decoded, and every failure is one line.
"""

from __future__ import annotations

import os
import struct
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import whole_file
from models.errors import BadInput

TAIL = 64  # bytes at the end of a file in which its mark is looked for
FORMATS = ("JPEG", "PNG", "WEBP")
# what decoders raise of a file that is broken
BROKEN = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    struct.error,
)


def crop(
    path: str, box: NDArray[np.float64], size: tuple[int, int], stated: tuple[int, int]
) -> NDArray[np.uint8]:
    """RGB (3, height, width) of a box (x, y, width, height) around its middle; black beyond.

    `stated` is the picture's width and height. Raises BadInput for a file that is missing, broken,
    of another size, or larger than Pillow opens.
    """
    corner, sides = box[:2] - box[2:] / 2, box[2:]
    pillow = _pillow()
    with _opened(pillow, path, stated) as picture:
        found = _decoded(picture, path).transform(
            size[::-1],
            pillow.Transform.EXTENT,
            (*corner, *(corner + sides)),
            resample=pillow.Resampling.BILINEAR,
        )
        return np.moveaxis(np.asarray(found, np.uint8), -1, 0)


def check(path: str, stated: tuple[int, int]) -> None:
    """Raise BadInput as `crop` would, without decoding what ends as a whole file does."""
    with _opened(_pillow(), path, stated) as picture:
        if not _ends(path, picture.format):
            _decoded(picture, path)


def _ends(path: str, format: str) -> bool:
    """Whether the last bytes of a file have the mark that its format ends with."""
    mark = {"JPEG": b"\xff\xd9", "PNG": b"IEND"}.get(format)
    if mark is None:
        return False
    with open(path, "rb") as file:
        file.seek(-min(TAIL, file.seek(0, os.SEEK_END)), os.SEEK_END)
        return mark in file.read()


def _decoded(picture: Any, path: str) -> Any:
    """All pixels of a picture, RGB."""
    try:
        return picture.convert("RGB")
    except BROKEN as error:
        raise _broken(path, error) from None


def _opened(
    pillow: ModuleType,
    path: str,
    stated: tuple[int, int],
) -> Any:
    """The picture, of which the header alone is read."""
    whole_file.size(Path(path), "the picture, or a list of images without it")
    try:
        picture = pillow.open(path, formats=FORMATS)
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        raise BadInput(
            f"{path}: more than {pillow.MAX_IMAGE_PIXELS:,} pixels, of which a small file may"
            " be made to fill the memory; scale it down or leave it out"
        ) from None
    except BROKEN as error:
        raise _broken(path, error) from None
    if picture.size != stated:
        came = "{} x {} pixels".format(*picture.size)
        picture.close()
        raise BadInput(
            f"{path}: {came}, and the list of images says {stated[0]} x {stated[1]}; restore"
            " the picture or correct the list"
        )
    return picture


def _broken(path: str, error: Exception) -> BadInput:
    reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:80]
    return BadInput(
        f"{path}: cannot be read as {', '.join(FORMATS[:-1])} or {FORMATS[-1]} ({reason});"
        " the file is truncated or damaged"
    )


@cache
def _pillow() -> ModuleType:
    """Pillow's reader, by which a picture that is too large is refused and not warned of."""
    from PIL import Image

    warnings.simplefilter("error", Image.DecompressionBombWarning)
    return Image

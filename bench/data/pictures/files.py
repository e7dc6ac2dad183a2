"""Crops of real pictures, as files that others made: nothing of them is believed.

A file is opened as one of a few formats, its size is held against the one that was stated before
anything is decoded, and every failure is one line.
"""

from __future__ import annotations

import struct
import warnings
from functools import cache
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.formats import whole_file
from models.errors import BadInput

FORMATS = ("JPEG", "PNG", "WEBP")
READ = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"  # in words
SCANNED = ("JPEG", "MPO")  # as Pillow calls those of several pictures, of phones
MARK, SCAN = 0xFF, 0xDA  # the bytes with which a JPEG says that pixels follow
END = b"\xff\xd9"  # of a JPEG's picture
TAILS = (bytes(64), b"\xaa" * 64)  # that say different things where they are decoded
EIGHTH = 8  # at which a JPEG is decoded ten times as fast
TURNED = 0x0112  # EXIF's orientation, 1 where the picture is stored as it is shown
DEEP = 8  # bits of 16 that are beyond a byte
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
    """Raise BadInput as `crop` would, and for a JPEG that was cut and has an end again."""
    pillow = _pillow()
    with _opened(pillow, path, stated) as picture:
        if picture.format in SCANNED:
            _check_end(pillow, path)
        else:
            _decoded(picture, path)


def _check_end(pillow: ModuleType, path: str) -> None:
    """Raise BadInput for a JPEG whose end comes before that of its picture.

    Its decoder makes up what lacks. It goes on reading where more comes before the end; of a whole
    picture it does not look at that.
    """
    content = whole_file.content(Path(path), "a picture")
    try:
        end = content.find(END, _scan(content))
        whole = content[: end if end >= 0 else None]
        first, second = (_small(pillow, whole + tail + END) for tail in TAILS)
    except BROKEN as error:
        raise _broken(path, error) from None
    if end < 0 or first != second:
        raise _broken(path, "it ends within the picture")


def _scan(content: bytes) -> int:
    """Where the first scan of a JPEG begins: behind the header, in which a preview may lie."""
    place = 2
    while content[place] == MARK and content[place + 1] != SCAN:
        # marks may be padded with more of their first byte
        filled = content[place + 1] == MARK
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        place += 1 if filled else 2 + length
    return place


def _small(pillow: ModuleType, content: bytes) -> bytes:
    """Pixels of a JPEG, an eighth as wide and high where it comes in one scan."""
    with pillow.open(BytesIO(content), formats=("JPEG",)) as picture:
        # later scans bring details, which a small picture would not show
        if "progressive" not in picture.info:
            width, height = picture.size
            picture.draft("RGB", (width // EIGHTH, height // EIGHTH))
        found: bytes = picture.tobytes()
        return found


def _decoded(picture: Any, path: str) -> Any:
    """All pixels of a picture, RGB."""
    try:
        # 16 bits of grey, which Pillow would cut at 255
        if picture.mode.startswith("I"):
            grey = np.asarray(picture) >> DEEP
            picture = _pillow().fromarray(grey.astype(np.uint8))
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
    except pillow.UnidentifiedImageError:
        raise BadInput(
            f"{path}: cannot be read as {READ}, the formats that are read; save it as one of"
            " these, or take a fresh copy if it is one"
        ) from None
    except BROKEN as error:
        raise _broken(path, error) from None
    try:
        _check_header(picture, path, stated)
    except BadInput:
        picture.close()
        raise
    return picture


def _check_header(picture: Any, path: str, stated: tuple[int, int]) -> None:
    """Raise BadInput for a picture of another size, that is turned, or that moves."""
    if picture.size != stated:
        came = "{} x {} pixels".format(*picture.size)
        raise BadInput(
            f"{path}: {came}, and the list of images says {stated[0]} x {stated[1]}; restore"
            " the picture or correct the list"
        )
    try:
        # where there is none, Pillow would look behind the pixels of a PNG
        turned = picture.getexif().get(TURNED, 1) if "exif" in picture.info else 1
    except BROKEN as error:
        raise _broken(path, error) from None
    if turned not in (0, 1):
        raise BadInput(
            f"{path}: is stored turned or mirrored (EXIF orientation {turned}), and whether"
            " boxes and joints are, too, is not said; save it as it is shown, without that mark"
        )
    # the others of a JPEG are its preview, depth and the like
    if picture.format in FORMATS[1:] and getattr(picture, "is_animated", False):
        raise BadInput(
            f"{path}: {picture.n_frames} pictures in one file; a file for each was due"
        )


def _broken(path: str, error: Exception | str) -> BadInput:
    reason = " ".join(str(getattr(error, "strerror", None) or error).split())[:80]
    return BadInput(
        f"{path}: cannot be read as {READ} ({reason}); the file is truncated or damaged"
    )


@cache
def _pillow() -> ModuleType:
    """Pillow's reader, by which a picture that is too large is refused and not warned of."""
    from PIL import Image

    warnings.simplefilter("error", Image.DecompressionBombWarning)
    return Image

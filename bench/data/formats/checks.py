"""Values from others' files, looked at before use, with a one-line complaint.

Objects, lists, whole numbers, arrays of a stated shape. `where` leads every message: the file, and
the place in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput

LARGE = 2**53  # from here on floating point skips whole numbers
NORMALISED = 1.5  # coordinates that are all below it were divided by the picture's size
# Unicode's kinds of characters that no name has: control, ends of lines, halves of a pair
STRANGE = ("Cc", "Zl", "Zp", "Cs")
HUGE = 1e9  # no coordinate or confidence comes near it, in any unit


def strange(name: str) -> bool:
    """Whether a name has a character in it that no name has, such as the end of a line."""
    return any(unicodedata.category(letter) in STRANGE for letter in name)


def mapping(value: object, where: str, *keys: str) -> Mapping[str, Any]:
    """The value where it is an object that has the keys.

    Raises BadInput naming the first that is missing.
    """
    if not isinstance(value, dict):
        raise BadInput(f"{where}: {_kind(value)} came; an object{_with(keys)} was due")
    lacking = next((key for key in keys if key not in value), None)
    if lacking is not None:
        raise BadInput(
            f"{where}: key {lacking!r} is missing; an object{_with(keys)} was due"
        )
    return value


def sequence(value: object, where: str) -> list[Any]:
    """The value where it is a list. Raises BadInput."""
    if not isinstance(value, list):
        raise BadInput(f"{where}: {_kind(value)} came; a list was due")
    return value


def whole(value: object, where: str) -> int:
    """The value as a whole number below 2^53; of text too, as keys of objects are.

    Raises BadInput.
    """
    try:
        number: int = int(value)  # type: ignore[call-overload]
    # no number; text of one in thousands of digits; infinity
    except (TypeError, ValueError, OverflowError):
        number = LARGE
    # int() of 3.5 is 3, and of true 1
    unlike = isinstance(value, bool) or (isinstance(value, float) and number != value)
    if abs(number) >= LARGE or unlike:
        # in one line: an array is written in several
        came = " ".join(f"{value!r:.40}".split())
        raise BadInput(f"{where}: {came} came; a whole number was due")
    return number


def array(
    value: object, shape: tuple[int, ...], where: str, *, missing: bool = False
) -> NDArray[np.float64]:
    """Numbers as an array; -1 in the shape is any size.

    With `missing`, as of poses, NaN and null are taken. Raises BadInput for another shape or what
    is no number, not finite or beyond 1e9, with its place.
    """
    found = numbers(value)
    if found is None:
        raise BadInput(
            f"{where}: {_kind(value)} that is not numbers in shape {_text(shape)} came;"
            " repair or leave it out"
        )
    fits = len(shape) == found.ndim and all(
        due in (-1, size) for due, size in zip(shape, found.shape, strict=True)
    )
    if not fits:
        raise BadInput(f"{where}: shape {found.shape} came; {_text(shape)} was due")
    # NaN fails the comparison too. Largest and smallest first: they make no array of the size.
    if found.size and not (found.max() < HUGE and found.min() > -HUGE):
        strange = ~(np.abs(found) < HUGE)
        if missing:
            strange &= ~np.isnan(found)
        if strange.any():
            raise BadInput(
                f"{where}: the number at {np.argwhere(strange)[0].tolist()} is not finite or"
                f" beyond {HUGE:g}; repair or leave it out"
            )
    return found


def numbers(value: object) -> NDArray[np.float64] | None:
    """Real numbers, an array or nested lists, as an array.

    None for anything else, numbers written as text too.
    """
    try:
        found = np.asarray(value)
        # A list in which null stands for a number becomes objects, and null NaN; an array of
        # objects was one in the file, and is not numbers.
        known = "biuf" if found is value else "biufO"
        if found.dtype.kind not in known:
            return None
        with np.errstate(invalid="ignore"):  # a NaN of another kind
            return found.astype(np.float64, copy=False)
    # lists of unequal length; objects that are no numbers; whole numbers beyond a float
    except (TypeError, ValueError, OverflowError):
        return None


def ahead(pose: NDArray[np.floating], joints: Sequence[str], where: str) -> None:
    """Raise BadInput for a joint that is not before the camera.

    The pose is (frames, joints, 3), mm in the camera frame; a joint that is missing, NaN, is
    nowhere.
    """
    # Seen by itself, the projection of such a joint is an ordinary pixel.
    if np.fmin.reduce(pose[..., 2], axis=None, initial=1.0) <= 0:
        frame, joint = np.argwhere(pose[..., 2] <= 0)[0]
        depth = pose[frame, joint, 2]
        raise BadInput(
            f"{where}: joint {joints[joint]} lies behind the camera or in it at frame"
            f" {frame} (depth {depth:.4g} mm); the camera or the poses are another's"
        )


def in_pixels(points: NDArray[np.floating], where: str) -> None:
    """Raise BadInput for keypoints (..., 2) that all lie next to the origin.

    They were normalised, to 0..1 or to -1..1.
    """
    most = np.abs(points).max(initial=0.0)
    # all zero is a clip in which nothing was seen
    if 0 < most < NORMALISED:
        raise BadInput(
            f"{where}: the largest coordinate is {most:.3g}, so these are parts of the"
            " picture's size; pixels were due"
        )


def _kind(value: object) -> str:
    """What a value is, in JSON's terms; one that is short by itself as it is."""
    names = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "true or false",
        type(None): "null",
        np.ndarray: "an array",
    }
    return names.get(type(value), f"{value!r:.40}")


def _with(keys: tuple[str, ...]) -> str:
    return f" with {', '.join(keys)}" if keys else ""


def _text(shape: tuple[int, ...]) -> str:
    return f"({', '.join('any' if size < 0 else str(size) for size in shape)})"

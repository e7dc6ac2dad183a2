"""What the sizes of a model may be, whichever model it is: whole, finite, large enough.

What fits together, such as heads and widths, a model's own file says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from models.errors import SpecError, shortened

LARGEST = 1_000_000  # no layer is as wide, no window as long


def kinds(sizes: type) -> dict[str, type]:
    """Each size of a model's class and its type, as the class declares it."""
    hints = get_type_hints(sizes)
    return {name: get_origin(hint) or hint for name, hint in hints.items()}


def check(name: str, given: Mapping[str, Any], sizes: type) -> None:
    """Raise SpecError for the first size of a model that makes no network.

    A whole number may be 0 where the model's own default is, which gives that a meaning.
    """
    types = kinds(sizes)
    for key, value in given.items():
        if types[key] is tuple and _nested(sizes, key):
            due = _lists(value)
        else:
            due = _due(value, types[key], default=getattr(sizes, key, None))
        if due:
            came = shortened(repr(value))
            raise SpecError(f"size {key} of {name}: {due} was due, {came} came")


def bounded(name: str, sizes: Mapping[str, Any]) -> None:
    """Raise SpecError for the first number that is below 0, beyond all sense, or none at all."""
    for key, value in sizes.items():
        if isinstance(value, int | float) and not 0 <= value <= LARGEST:
            due = f"0 to {LARGEST:,} was due, {shortened(repr(value))} came"
            raise SpecError(f"size {key} of {name}: {due}")


def _due(value: Any, kind: type, *, default: Any) -> str:
    """What was due in the place of a value; nothing where it may stand."""
    if kind is bool:
        return "" if isinstance(value, bool) else "true or false"
    if kind is int:
        least = 0 if default == 0 else 1
        return "" if _whole(value, least) else _numbers("a whole number", least)
    if kind is float:
        return "" if _real(value) else _numbers("a number", 0)
    if kind is tuple:
        sound = isinstance(value, list | tuple) and value
        if not sound or not all(_whole(part, 1) for part in value):
            return _numbers("a list of whole numbers", 1)
    return ""


def _numbers(what: str, least: int) -> str:
    return f"{what} from {least} to {LARGEST:,}"


def _nested(sizes: type, key: str) -> bool:
    """Whether a size is of tuples in a tuple."""
    inner, *_ = get_args(get_type_hints(sizes)[key])
    return get_origin(inner) is tuple


def _lists(value: Any) -> str:
    """What was due in the place of lists in a list; nothing where they may stand."""
    if isinstance(value, list | tuple) and value and all(map(_list, value)):
        return ""
    return _numbers("a list of lists of whole numbers", 0)


def _list(value: Any) -> bool:
    sound = isinstance(value, list | tuple) and bool(value)
    # places are counted from 0; where they are widths, the model's own file says what is due
    return sound and all(_whole(part, 0) for part in value)


def _whole(value: Any, least: int) -> bool:
    # to Python, true is 1
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return least <= value <= LARGEST


def _real(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 <= value <= LARGEST

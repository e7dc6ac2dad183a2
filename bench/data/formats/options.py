"""Options by name, held against the keyword-only parameters of the function that takes them.

    rotate: {degrees: 180}

A step of an augmentation and a schedule of the learning rate are written so. Bounds of a number
are in the annotation of its parameter.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bench.data.formats import words
from models.errors import BadInput


def checked(
    function: Callable[..., Any],
    given: object,
    where: str,
    folder: Path,
) -> dict[str, Any]:
    """The options that were given, and all others as the function has them.

    `where` says in a message whose they are; files are looked for in `folder`. Raises BadInput.
    """
    parameters = inspect.signature(function).parameters.values()
    known = {each.name: each for each in parameters if each.kind is each.KEYWORD_ONLY}
    if not isinstance(given, dict):
        raise BadInput(f"{where}: options by name were due, {words.value(given)} came")
    for name in given:
        if name not in known:
            takes = ", ".join(known) or "none"
            raise BadInput(f"{where}: no option {name!r}; it takes {takes}")
    defaults = {
        name: each.default
        for name, each in known.items()
        if each.default is not each.empty
    }
    for name in known:
        if name not in defaults and name not in given:
            raise BadInput(f"{where}: option {name} is missing; give it")
    # with extras: the bounds of a number are in its annotation
    hints = typing.get_type_hints(function, include_extras=True)
    chosen = {
        name: valid(hints[name], value, f"{where}: {name}", folder)
        for name, value in given.items()
    }
    # defaults are written out, so that a hash does not hang on whether they were typed
    return defaults | chosen


def valid(
    hint: Any,
    value: object,
    where: str,
    folder: Path,
) -> Any:
    """The value as its annotation wants it. Raises BadInput as `checked` does."""
    try:
        return TypeAdapter(hint).validate_python(value, context={"folder": folder})
    except ValidationError as error:
        first = error.errors()[0]
        inside = "".join(f".{part}" for part in first["loc"])
        raise BadInput(
            f"{where}{inside}: {words.reason(first)}, got {words.value(first['input'])}"
        ) from None

"""What people who write YAML call a value or a kind of it, in the place of Python's words."""

from __future__ import annotations

from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING

from models.errors import shortened

# `--help` must not wait for pydantic
if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

LIST = "a list"
TABLE = "keys and values"
KINDS: dict[type, str] = {
    NoneType: "nothing",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: LIST,
    tuple: LIST,
    dict: TABLE,
    Path: "a path",
}
# what pydantic calls the kinds that it misses by names of Python's
DUE = {
    "dataclass_type": TABLE,
    "dict_type": TABLE,
    "list_type": LIST,
    "mapping_type": TABLE,
    "model_attributes_type": TABLE,
    "model_type": TABLE,
    "path_type": KINDS[Path],
    "set_type": LIST,
    "tuple_type": LIST,
}


def kind(value: object) -> str:
    """What came, where its kind is what is wrong."""
    return called(type(value))


def called(due: type) -> str:
    """A type's name among people."""
    return KINDS.get(due, due.__name__)


def value(came: object) -> str:
    """What came, short, where its kind may be right."""
    return KINDS[NoneType] if came is None else shortened(repr(came))


def reason(wrong: ErrorDetails) -> str:
    """What pydantic holds against a value: what was due."""
    if wrong["type"] == "value_error":  # ours, which says all there is to say
        return str(wrong["ctx"]["error"])
    if due := DUE.get(wrong["type"]):
        return f"{due} {'were' if due == TABLE else 'was'} due"
    # of how many entries there should be, it speaks of tuples
    return wrong["msg"].lower().replace("tuple", "list")

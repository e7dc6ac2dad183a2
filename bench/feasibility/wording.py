"""What a manifest's field was due to be, in our words and not in those of the library."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models.errors import UnknownName, shortened

NUMBER = "a whole number"
# by the library's kind of error; the bounds are its own
DUE = {
    "string_type": "a text",
    "too_short": "a text that says something",
    "too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": (
        "letters, digits, _, . and - after a letter, digit or _, 100 at most"
    ),
    "int_type": NUMBER,
    "int_from_float": NUMBER,
    "greater_than_equal": f"{NUMBER} from {{ge}} on",
    "less_than_equal": f"{NUMBER} up to {{le}}",
    "tuple_type": "a list",
    "dict_type": "names and what is said of each",
    "model_type": "fields and what is said of each",
    "literal_error": "{expected}",
}


def wrong(errors: Sequence[Mapping[str, Any]]) -> str:
    """What was due of one value, by each of its alternatives, and what came."""
    came = errors[0]["input"]
    only = errors[0]
    if len(errors) == 1 and only["type"] == "literal_error" and isinstance(came, str):
        return str(UnknownName("answer", came, re.findall(r"'(\w+)'", _due(only))))
    due = " or ".join(dict.fromkeys(map(_due, errors)))
    return f"{due} was due, got {shortened(repr(came))}"


def _due(error: Mapping[str, Any]) -> str:
    return DUE.get(error["type"], "another value").format(**error.get("ctx", {}))

"""Cells of a table that a spreadsheet may open."""

from __future__ import annotations

from typing import Any

from models.errors import visible

# what a spreadsheet takes for a formula, and would run
FORMULA = ("=", "+", "-", "@")


def cell(value: Any) -> Any:
    """A text as a text, whoever wrote it: no formula, no control character; numbers as they are."""
    if not isinstance(value, str):
        return value
    shown = visible(value)
    return f"'{shown}" if shown.startswith(FORMULA) else shown

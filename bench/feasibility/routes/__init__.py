"""Routes round a primitive that is missing: the same of other ops, one file for each.

A file is called as its op and holds `route(*operands, **attributes)`, which writes the op in
others as a body does, ABOUT, how in a few words, and ERROR, the largest error of it beside the
definition as a part of the largest value (0: only the order of sums differs).
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

from models import folder


@cache
def table() -> dict[str, ModuleType]:
    """Every route by the op that it stands in for."""
    names = folder.files(Path(__file__).parent)
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}

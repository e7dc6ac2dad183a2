"""The rungs of the parity ladder, one file each.

A file holds `climb` and, in `AFTER`, the rungs that it comes after.

The folder is the list. It is read without importing a rung, so that a configuration can be
checked by name at no cost.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models import folder


def names() -> list[str]:
    """Every rung, in the order that the ladder is climbed."""
    files = folder.files(Path(__file__).parent)
    return folder.ordered(
        {name: folder.neighbours_in(file) for name, file in files.items()}
    )


def load(name: str) -> Callable[..., Any]:
    """How a rung is climbed: `climb(trial, progress)`."""
    return importlib.import_module(f"{__name__}.{name}").climb

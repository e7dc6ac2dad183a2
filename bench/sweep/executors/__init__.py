"""Who does the cells of a sweep: a file each; the listing is the registry.

It holds `start(setting)`, which gives an executor (`bench/sweep/order.py` says what that is) and
raises Missing where what it stands on is not here, and `environment(setting, backend)`, what a
backend's cells are computed in where that is another than here, else None.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.sweep.order import Executor, Setting
from models.errors import UnknownName


@dataclass(frozen=True)
class Kind:
    """What the file of an executor holds."""

    start: Callable[[Setting], Executor]
    environment: Callable[[Setting, str], Any]


def names() -> list[str]:
    """Every executor."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__))


def get(name: str) -> Kind:
    """An executor's file. Raises UnknownName with the nearest names."""
    if name not in names():
        raise UnknownName("executor", name, names())
    module = importlib.import_module(f"{__name__}.{name}")
    return Kind(module.start, module.environment)

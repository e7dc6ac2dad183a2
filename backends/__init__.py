"""How a network runs: one folder per framework, found by listing, imported only when asked for.

A folder's `__init__.py` says what it needs (`REQUIRES`, module names), how to get it (`EXTRA`) and makes the Backend (`load()`).
Outside packages add backends through the entry-point group `poseport.backends`, whose value is a module of the same shape.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from backends.base import Backend
from models.errors import Missing, UnknownName

__all__ = ["installed", "load", "names", "require"]


def names() -> list[str]:
    """Every known backend."""
    own = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    return sorted({*own, *_outside()})


def installed() -> list[str]:
    """Backends whose framework is on this machine."""
    return [name for name in names() if not _absent(name)]


def require(name: str) -> None:
    """Check, without importing it, that a backend is known and installed. Raises UnknownName, or Missing with the extra to install."""
    if name not in names():
        raise UnknownName("backend", name, names())
    if absent := _absent(name):
        extra = _manifest(name).EXTRA
        raise Missing(f'backend {name} needs {", ".join(absent)}, not installed here: pip install -e ".[{extra}]" -c constraints.txt')


def load(name: str) -> Backend:
    """The backend called `name`. Raises as `require` does."""
    require(name)
    backend: Backend = _manifest(name).load()
    return backend


def _absent(name: str) -> list[str]:
    return [module for module in _manifest(name).REQUIRES if importlib.util.find_spec(module) is None]


def _manifest(name: str) -> ModuleType:
    outside = _outside()
    return importlib.import_module(outside[name].value if name in outside else f"backends.{name}")


def _outside() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="poseport.backends")}

"""How a network runs: one folder per framework, found by listing, imported only when asked
for.

A folder's `__init__.py` says what it needs (`REQUIRES`, module names), how to get it
(`EXTRA`), what files it writes (`EXPORTS`, formats by name; none if left out) and makes the
Backend (`load()`). Outside packages add backends through the entry-point group
`poseport.backends`, whose value is a module of the same shape.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from backends.base import Backend, Format
from models.errors import Missing, UnknownName

__all__ = ["exporter", "installed", "isolate", "load", "names", "require"]


def names() -> list[str]:
    """Every known backend."""
    own = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    return sorted({*own, *_outside()})


def installed() -> list[str]:
    """Backends whose framework is on this machine."""
    return [name for name in names() if not _absent(name)]


def require(name: str) -> None:
    """Check, without importing it, that a backend is known and installed.

    Raises UnknownName, or Missing with the extra to install.
    """
    if name not in names():
        raise UnknownName("backend", name, names())
    if absent := _absent(name):
        extra = _manifest(name).EXTRA
        raise Missing(
            f"backend {name} needs {', '.join(absent)}, not installed here: pip install -e"
            f' ".[{extra}]" -c constraints.txt'
        )


def load(name: str) -> Backend:
    """The backend called `name`. Raises as `require` does."""
    require(name)
    backend: Backend = _manifest(name).load()
    return backend


def isolate(name: str) -> None:
    """Hide the other backends' frameworks from this process: some import each other where
    they can (TensorFlow imports JAX).

    For processes that serve one backend. What is loaded already stays; an unknown name
    hides nothing.
    """
    if name not in names():
        return
    own = set(_manifest(name).REQUIRES)
    for module in (
        {module for other in names() for module in _manifest(other).REQUIRES}
        - own
        - sys.modules.keys()
    ):
        # the import system's sign for "not there"
        sys.modules[module] = None  # type: ignore[assignment]


def exporter(format: str) -> tuple[str, Format]:
    """Which backend, installed or not, writes a file format, and what is to be known of it.

    Raises UnknownName with the list.
    """
    owners = {
        known: (name, about) for name in names() for known, about in _exports(name).items()
    }
    if format not in owners:
        raise UnknownName("export format", format, owners)
    return owners[format]


def _exports(name: str) -> dict[str, Format]:
    return getattr(_manifest(name), "EXPORTS", {})


def _absent(name: str) -> list[str]:
    return [
        module
        for module in _manifest(name).REQUIRES
        if importlib.util.find_spec(module) is None
    ]


def _manifest(name: str) -> ModuleType:
    outside = _outside()
    return importlib.import_module(
        outside[name].value if name in outside else f"backends.{name}"
    )


def _outside() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="poseport.backends")}

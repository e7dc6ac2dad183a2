"""How a network runs: one folder per framework, found by listing, imported when asked for.

A folder's `__init__.py` is its manifest, which imports no framework:

    REQUIRES   modules that must be importable; the first one marks the framework as loaded,
               and shares a process with no other backend's
    EXTRA      what to install
    PACKAGES   distributions whose versions decide numbers; if left out, those of REQUIRES
    EXPORTS    formats that it writes, by name; none if left out
    load()     makes the Backend

Outside packages add backends through the entry-point group `poseport.backends`, whose value
is a module of the same shape.
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

__all__ = [
    "exporter",
    "frameworks",
    "installed",
    "isolate",
    "load",
    "names",
    "packages",
    "require",
]


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
        remedy = f'pip install -e ".[{_manifest(name).EXTRA}]" -c constraints.txt'
        raise Missing(
            f"backend {name} needs {', '.join(absent)}, not installed here: {remedy}"
        )


def load(name: str) -> Backend:
    """The backend called `name`. Raises as `require` does."""
    require(name)
    backend: Backend = _manifest(name).load()
    return backend


def frameworks() -> dict[str, str]:
    """The module of each backend that is loaded when its framework is.

    Backends that need no framework are left out.
    """
    required = {name: _manifest(name).REQUIRES for name in names()}
    return {name: modules[0] for name, modules in required.items() if modules}


def packages() -> tuple[str, ...]:
    """Distributions of all backends, installed or not, whose versions decide numbers."""
    stated: list[str] = []
    for name in names():
        manifest = _manifest(name)
        stated += getattr(manifest, "PACKAGES", manifest.REQUIRES)
    return tuple(dict.fromkeys(stated))  # two backends may share one


def isolate(name: str) -> None:
    """Hide the other backends' frameworks from this process: TensorFlow imports JAX, say.

    For processes that serve one backend. What is loaded already stays; an unknown name
    hides nothing.
    """
    if name not in names():
        return
    every = {module for other in names() for module in _manifest(other).REQUIRES}
    # what two backends need, ONNX and a converter to it, stays for each of them
    for module in every - set(_manifest(name).REQUIRES) - sys.modules.keys():
        # the import system's sign for "not there"
        sys.modules[module] = None  # type: ignore[assignment]


def exporter(format: str) -> tuple[str, Format]:
    """Which backend, installed or not, writes a file format, and what is to be known of it.

    Raises UnknownName with the list.
    """
    owners: dict[str, tuple[str, Format]] = {}
    for name in names():
        formats: dict[str, Format] = getattr(_manifest(name), "EXPORTS", {})
        owners |= {known: (name, about) for known, about in formats.items()}
    if format not in owners:
        raise UnknownName("export format", format, owners)
    return owners[format]


def _absent(name: str) -> list[str]:
    # finding a module does not import it
    return [
        module
        for module in _manifest(name).REQUIRES
        if importlib.util.find_spec(module) is None
    ]


def _manifest(name: str) -> ModuleType:
    outside = _outside()
    # an installed package may take the place of a folder of the same name
    home = outside[name].value if name in outside else f"backends.{name}"
    return importlib.import_module(home)


def _outside() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group="poseport.backends")}

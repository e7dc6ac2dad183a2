"""How a network runs: one folder per framework, found by listing, imported when asked for.

A folder's `__init__.py` is its manifest, which imports no framework:

    REQUIRES   modules that must be importable; the first one marks the framework as loaded,
               and shares a process with no other backend's
    EXTRA      what to install, of ours; an outside package says how in INSTALL
    PACKAGES   distributions whose versions decide numbers; if left out, those of REQUIRES
    EXPORTS    formats that it writes, by name; none if left out
    load()     makes the Backend
    checkpoint(path)   what its users have saved, as mappings of arrays; if left out, nothing

Outside packages add backends through the entry-point group `poseport.backends`, whose value
is a module of the same shape.
"""

from __future__ import annotations

import pkgutil
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

from backends import kin, manifests
from backends.base import Backend, Format
from backends.hiding import hide
from models.errors import BadInput, Missing, UnknownName, shortened

__all__ = [
    "TAKEN",
    "distributions",
    "exporter",
    "formats",
    "frameworks",
    "installed",
    "isolate",
    "keeper",
    "kin",
    "load",
    "names",
    "packages",
    "passed_over",
    "require",
    "saved",
]

TAKEN = ("all",)  # names that `--backend` means something else by
NAMED = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")  # part of the names of files


def names() -> list[str]:
    """Every known backend."""
    return sorted({*_own(), *_outside()})


def installed() -> list[str]:
    """Backends whose framework is on this machine."""
    return [name for name, manifest in _manifests().items() if not _absent(manifest)]


def require(name: str) -> None:
    """Check, without importing it, that a backend is known and installed.

    Raises UnknownName, Missing with what to install or what is wrong with the manifest, BadInput
    where two packages add a backend of that name.
    """
    if name not in names():
        raise UnknownName("backend", name, names())
    manifest = _manifest(name)
    if absent := _absent(manifest):
        remedy = _remedy(name, manifest, absent)
        needed = shortened(", ".join(absent), manifests.SAID)
        raise Missing(f"backend {name} needs {needed}, not installed here: {remedy}")


def passed_over(name: str) -> str:
    """What installed packages add under the name of one of ours, in words; else nothing."""
    found = [entry for entry in manifests.outside() if entry.name == name]
    if name not in _own() or not found:
        return ""
    homes = " and ".join(sorted({manifests.home(entry) for entry in found}))
    return f"PosePort's own; {homes}, of the same name, is passed over: rename its entry point"


def load(name: str) -> Backend:
    """The backend called `name`.

    Raises as `require` does, and whatever the backend's own `load` does.
    """
    manifest = _imported(name)
    if manifests.stated(manifest, "load") is None:
        raise Missing(manifests.lacking(name, manifest, "load()"))
    backend: Backend = manifest.load()
    return backend


def frameworks() -> dict[str, str]:
    """The module of each backend that is loaded when its framework is.

    Backends that need no framework are left out.
    """
    required = {name: manifest.REQUIRES for name, manifest in _manifests().items()}
    return {name: modules[0] for name, modules in required.items() if modules}


def packages() -> tuple[str, ...]:
    """Distributions of all backends, installed or not, whose versions decide numbers."""
    stated: list[str] = []
    for manifest in _manifests().values():
        stated += manifests.stated(manifest, "PACKAGES", manifest.REQUIRES)
    return tuple(dict.fromkeys(stated))  # two backends may share one


def distributions(name: str) -> tuple[str, ...]:
    """Distributions of one backend whose versions decide numbers. Raises as `require` does."""
    require(name)
    manifest = _manifest(name)
    return tuple(manifests.stated(manifest, "PACKAGES", manifest.REQUIRES))


def isolate(name: str) -> None:
    """Hide the other backends' frameworks from this process: TensorFlow imports JAX, say.

    For processes that serve one backend. What is loaded already stays; an unknown name
    hides nothing.
    """
    known = _manifests()
    if name not in known:
        return
    every = {module for manifest in known.values() for module in manifest.REQUIRES}
    # what two backends need, ONNX and a converter to it, stays for each of them
    hide(every - set(known[name].REQUIRES) - sys.modules.keys())


def exporter(format: str) -> tuple[str, Format]:
    """Which backend, installed or not, writes a file format, and what is to be known of it.

    Raises UnknownName with the list.
    """
    owners: dict[str, tuple[str, Format]] = {}
    for name, manifest in _manifests().items():
        formats: dict[str, Format] = manifests.stated(manifest, "EXPORTS", {})
        for known, about in formats.items():
            # our own come first: who adds a backend takes no format away
            if known not in owners or name not in _outside():
                owners[known] = name, about
    if format not in owners:
        raise UnknownName("export format", format, owners)
    return owners[format]


def formats(name: str) -> dict[str, Format]:
    """File formats that a backend writes, by name. Raises as `require` does."""
    require(name)
    found: dict[str, Format] = manifests.stated(_manifest(name), "EXPORTS", {})
    return found


def keeper() -> str:
    """The backend whose users' checkpoints are read: the first that says how."""
    known = _manifests().items()
    return next(
        name for name, manifest in known if manifests.stated(manifest, "checkpoint")
    )


def saved(name: str, path: Path) -> Any:
    """What a checkpoint of a backend's users holds: mappings of arrays, None for all else.

    Raises as `require` does, and BadInput for a file that is not one.
    """
    return _imported(name).checkpoint(path)


def _absent(manifest: ModuleType) -> list[str]:
    # finding a module does not import it
    return [module for module in manifest.REQUIRES if not manifests.is_here(module)]


def _manifests() -> dict[str, ModuleType]:
    """Those that can be read: one that cannot is the matter of whoever asks for its backend."""
    found = {}
    for name in names():
        with suppress(Missing, BadInput):
            found[name] = _manifest(name)
    return found


def _manifest(name: str) -> ModuleType:
    """Raises Missing where it cannot be imported or is none, BadInput where there are two."""
    outside = _outside()
    # all packages are looked through once more, so only where one of them adds it
    if name in outside:
        manifests.refuse_twins(name, manifests.outside())
    home = _home(name, outside)
    if not NAMED.match(name) or name in TAKEN:
        raise Missing(
            f"backend {name!r} of {home}: a name of letters, digits, - and _ was due, as it"
            f" becomes part of file names, other than {', '.join(TAKEN)}; rename the entry point"
        )
    return manifests.read(name, home)


def _imported(name: str) -> ModuleType:
    """The manifest itself, in a process that serves this backend. Raises as `require` does."""
    require(name)
    return manifests.imported(name, _home(name, _outside()))


def _home(name: str, outside: Mapping[str, EntryPoint]) -> str:
    """The module that is a backend's manifest."""
    return outside[name].value if name in outside else f"backends.{name}"


def _remedy(name: str, manifest: ModuleType, absent: list[str]) -> str:
    """What to do about modules that are absent; our extras know nothing of outside packages."""
    if name in _outside():
        usual = f"install what has {' and '.join(absent)}"
        said = " ".join(manifests.stated(manifest, "INSTALL", usual).split())
        return shortened(said, manifests.SAID)
    extra = manifests.stated(manifest, "EXTRA", name)
    return f'pip install -e ".[{extra}]" -c constraints.txt'


def _own() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]


def _outside() -> dict[str, EntryPoint]:
    """What packages add, but for names that are ours: NumPy is the oracle of all others."""
    own = _own()
    return {entry.name: entry for entry in manifests.outside() if entry.name not in own}

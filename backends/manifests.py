"""Reading a manifest, which may be anybody's: what it raises, prints or lacks is told in a line.

Which there are, and what is asked of them, is not decided here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, distributions, entry_points
from types import ModuleType
from typing import Any

from backends import foreign
from backends.base import Format
from models.errors import BadInput, Missing

GROUP = "poseport.backends"
ABOUT = "docs/backends.md says what belongs there"
SAID = 200  # characters that are kept of what a manifest raises


def outside(*, group: str = GROUP) -> list[EntryPoint]:
    """What installed packages add; one whose list of entry points cannot be read adds nothing."""
    try:
        return list(entry_points(group=group))
    except Exception:  # of one package, by which all are lost
        return [entry for package in distributions() for entry in _of(package, group)]


def _of(package: Any, group: str) -> list[EntryPoint]:
    try:
        return [entry for entry in package.entry_points if entry.group == group]
    except Exception:
        return []


def refuse_twins(name: str, entries: list[EntryPoint]) -> None:
    """Raise BadInput where two packages add a backend of one name."""
    homes = {home(entry): entry.value for entry in entries if entry.name == name}
    if len(set(homes.values())) > 1:
        raise BadInput(
            f"backend {name}: {len(homes)} installed packages add one of this name,"
            f" {' and '.join(sorted(homes))}; uninstall one, or rename its entry point"
        )


def home(entry: EntryPoint) -> str:
    """Where an entry point comes from: its module, the package and where that lies."""
    package = getattr(entry, "dist", None)
    if package is None:
        return entry.value
    return f"{entry.value} of {package.name} in {package.locate_file('')}"


def read(name: str, home: str) -> ModuleType:
    """What a manifest says: its module, or a copy of what somebody's holds.

    Ours are imported. An outside one is not, so that nothing it does is done here.

    Raises Missing where it cannot be imported, or what it holds is not what is due.
    """
    # ours are tested, and every process would be slower to start
    if home.startswith("backends.") or home in sys.modules:
        return imported(name, home)
    found = foreign.read(home, [field for field, _, _ in FIELDS])
    if fault := found.get("fault"):
        raise Missing(
            f"backend {name}: its manifest {_found(home)} {fault} when it was imported; {ABOUT}"
        )
    if raised := found.get("raised"):
        raise _unfit(name, home, raised)
    manifest = ModuleType(home)
    manifest.__file__ = found["file"]
    for field, value in found["held"].items():
        setattr(manifest, field, _restored(value))
    return _checked(name, manifest)


def imported(name: str, home: str) -> ModuleType:
    """A manifest's module, for who loads its backend. Raises as `read` does."""
    try:
        manifest = importlib.import_module(home)
    # Ctrl-C: one that a manifest raises itself was found out by reading it
    except KeyboardInterrupt:
        raise
    # it is anybody's program, and may even try to end this one
    except BaseException as error:
        raised = f"{type(error).__name__}: {_text(error)}"
        raise _unfit(name, home, raised) from error
    return _checked(name, manifest)


def _restored(value: Any) -> Any:
    """What a manifest holds, of what `reading_alone` has written down."""
    if isinstance(value, dict):
        formats = value.items()
        return {
            name: Format(one["suffix"], tuple(one["options"])) for name, one in formats
        }
    if isinstance(value, list):
        return tuple(value)
    return _elsewhere if value is True else value


def _elsewhere(*given: object) -> None:
    """Stands for a function of a manifest, which is called by who imports that."""
    raise NotImplementedError


def _checked(name: str, manifest: ModuleType) -> ModuleType:
    held = vars(manifest)
    for field, due, is_right in FIELDS:
        # what is left out is no matter, but for what it requires
        if field not in held and field != "REQUIRES":
            continue
        if not is_right(held.get(field)):
            raise Missing(lacking(name, manifest, f"{field}, {due}"))
    return manifest


def _unfit(name: str, home: str, raised: str) -> Missing:
    text = " ".join(raised.split())[:SAID]
    return Missing(
        f"backend {name}: its manifest {_found(home)} cannot be imported: {text}"
    )


def stated(manifest: ModuleType, field: str, other: Any = None) -> Any:
    """What a manifest holds, past a `__getattr__` of its own, which may raise; else `other`."""
    return vars(manifest).get(field, other)


def lacking(name: str, manifest: ModuleType, what: str) -> str:
    """That a manifest does not hold something that is due."""
    home = getattr(manifest, "__file__", None) or manifest.__name__
    return f"backend {name}: its manifest {home} has no {what}; {ABOUT}"


def is_here(module: str) -> bool:
    """Whether a module can be imported, without importing it or what it lies in."""
    if sys.modules.get(module):
        return True
    package, *inner = module.split(".")
    try:
        found = importlib.util.find_spec(package)
        for part in inner:
            places = found and found.submodule_search_locations
            package += f".{part}"
            found = PathFinder.find_spec(package, places) if places else None
    except Exception:  # hidden, or no name of a module
        return False
    return found is not None


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # a program of the manifest's too, which may end this one
        return ""


def _found(home: str) -> str:
    """The file of a module, else its name: within a package nothing is looked for."""
    try:
        spec = None if "." in home else importlib.util.find_spec(home)
    except Exception:
        return home
    return (spec and spec.origin) or home


def _texts(value: Any) -> bool:
    # a text would be taken for its letters
    return isinstance(value, tuple | list) and all(
        isinstance(one, str) for one in value
    )


def _formats(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(one, Format) for one in value.values()
    )


# field, what it is in words, whether it is
FIELDS: tuple[tuple[str, str, Callable[[Any], bool]], ...] = (
    ("REQUIRES", "a tuple of module names", _texts),
    ("PACKAGES", "a tuple of distribution names", _texts),
    ("EXTRA", "a text that says what to install", lambda value: isinstance(value, str)),
    ("INSTALL", "a text that says how it is got", lambda value: isinstance(value, str)),
    ("EXPORTS", "a mapping of names to backends.base.Format", _formats),
    ("load", "a function that makes the Backend", callable),
    ("checkpoint", "a function that reads a file", callable),
)

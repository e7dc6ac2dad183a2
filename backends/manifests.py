"""Reading a manifest, which may be anybody's: what it raises, prints or lacks is told in a line.

Which there are, and what is asked of them, is not decided here.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import EntryPoint, distributions, entry_points
from types import ModuleType
from typing import Any

from backends import importable
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
    homes = {_home(entry): entry.value for entry in entries if entry.name == name}
    if len(set(homes.values())) > 1:
        raise BadInput(
            f"backend {name}: {len(homes)} installed packages add one of this name,"
            f" {' and '.join(sorted(homes))}; uninstall one, or rename its entry point"
        )


def _home(entry: EntryPoint) -> str:
    """Where an entry point comes from: its module, the package and where that lies."""
    package = getattr(entry, "dist", None)
    if package is None:
        return entry.value
    return f"{entry.value} of {package.name} in {package.locate_file('')}"


def read(name: str, home: str) -> ModuleType:
    """Import a manifest. Raises Missing where that fails, or what it holds is not what is due."""
    # ours are tested, and every process would be slower to start
    if not home.startswith("backends.") and (wrong := importable.fault(home)):
        raise Missing(
            f"backend {name}: its manifest {_found(home)} {wrong} when it was imported; {ABOUT}"
        )
    try:
        with hushed():
            manifest = importlib.import_module(home)
    # the user's: one that a manifest raises itself has been found out above
    except KeyboardInterrupt:
        raise
    # it is anybody's program, and may even try to end this one
    except BaseException as error:
        text = " ".join(_text(error).split())[:SAID]
        raise Missing(
            f"backend {name}: its manifest {_found(home)} cannot be imported:"
            f" {type(error).__name__}: {text}"
        ) from error
    held = vars(manifest)
    for field, due, is_right in FIELDS:
        # what is left out is no matter, but for what it requires
        if field not in held and field != "REQUIRES":
            continue
        if not is_right(held.get(field)):
            raise Missing(lacking(name, manifest, f"{field}, {due}"))
    return manifest


def stated(manifest: ModuleType, field: str, other: Any = None) -> Any:
    """What a manifest holds, past a `__getattr__` of its own, which may raise; else `other`."""
    return vars(manifest).get(field, other)


def lacking(name: str, manifest: ModuleType, what: str) -> str:
    """That a manifest does not hold something that is due."""
    home = getattr(manifest, "__file__", None) or manifest.__name__
    return f"backend {name}: its manifest {home} has no {what}; {ABOUT}"


@contextmanager
def hushed() -> Iterator[None]:
    """What prints meanwhile, from C too, goes to stderr: stdout is for what was asked."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def is_here(module: str) -> bool:
    """Whether a module can be imported, without importing it."""
    if sys.modules.get(module):
        return True
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # its package is imported on the way, or has been hidden
        return False


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # a program of the manifest's too, which may end this one
        return ""


def _found(home: str) -> str:
    """The file of a module, else its name."""
    try:
        spec = importlib.util.find_spec(home)
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
    ("EXPORTS", "a mapping of names to backends.base.Format", _formats),
    ("load", "a function that makes the Backend", callable),
    ("checkpoint", "a function that reads a file", callable),
)

"""The folder is the registry: which files it holds, and what they say of themselves.

Files are read, never imported, so that a list of names costs no framework and no NumPy.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from models.errors import PosePortError, UnknownName


def files(folder: Path) -> dict[str, Path]:
    """The modules of a folder by name; what starts with an underscore serves the others."""
    return {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}


def stated(file: Path, name: str, default: Any = None) -> Any:
    """The literal that a file gives a constant of its top level; `default` where it has none."""
    # Found as text, so that this statement alone is parsed, not the whole file. It ends where
    # a line neither is indented nor closes a bracket.
    statement = rf"^{name}(?:: .+?)? = (.*(?:\n[ )\]}}].*)*)"
    found = re.search(statement, file.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        return default
    try:
        return ast.literal_eval(found[1].strip())
    except (ValueError, SyntaxError):
        raise PosePortError(
            f"{file}: {name} is read without running the file; write it as one literal"
        ) from None


def ordered(neighbours: Mapping[str, Sequence[str]]) -> list[str]:
    """Names so that each comes after its neighbours, and by name where that leaves a choice.

    Raises UnknownName for a neighbour that is not there, PosePortError where two wait for
    each other.
    """
    for name, after in neighbours.items():
        for stray in set(after) - neighbours.keys():
            raise UnknownName(f"neighbour of {name}", stray, neighbours)
    # it takes names that are no key, too, hence the look before
    sorter = TopologicalSorter(neighbours)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " after ".join(error.args[1])  # its first name stands at its end again
        raise PosePortError(f"{circle}: these wait for each other") from None
    found: list[str] = []
    while sorter.is_active():
        # sorted: what is ready comes out of a set
        ready = sorted(sorter.get_ready())
        found += ready
        sorter.done(*ready)
    return found

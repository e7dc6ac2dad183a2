"""The folder is the registry: which files it holds, and what they say of themselves.

Files are read, never imported, so that a list of names costs no framework and no NumPy.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from models.errors import PosePortError, UnknownName


def files(folder: Path) -> dict[str, Path]:
    """The modules of a folder by name; what starts with an underscore serves the others."""
    return {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}


def stated(file: Path, name: str, default: Any = None) -> Any:
    """The literal that a file gives a constant of its top level; `default` where it has none."""
    try:
        tree = _parsed(file.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise PosePortError(f"{file}: cannot be read ({error}); mend it") from None
    for node in tree.body:
        if name not in map(ast.unparse, _targets(node)):
            continue
        try:
            return ast.literal_eval(node.value)  # type: ignore[attr-defined]
        except ValueError:
            raise PosePortError(
                f"{file}: {name} is read without running the file; write it as one literal"
            ) from None
    return default


def neighbours_in(file: Path) -> tuple[str, ...]:
    """What a file states in `AFTER`. Raises PosePortError where that is no tuple of names."""
    after = stated(file, "AFTER", ())
    if not isinstance(after, tuple) or not all(isinstance(name, str) for name in after):
        raise PosePortError(
            f'{file}: AFTER is {after!r}; a tuple of names was due, such as ("parity",)'
        )
    return after


@cache
def _parsed(text: bytes) -> ast.Module:
    """The statements of a file, which is asked for one name after the other."""
    # by what it says, not by its name: a file that has changed is parsed anew
    return ast.parse(text)


def _targets(node: ast.stmt) -> list[ast.expr]:
    """What a statement gives a value; nothing where it is no such statement."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) and node.value else []


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

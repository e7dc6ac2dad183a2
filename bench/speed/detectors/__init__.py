"""The lie detectors, one file each: the folder is the list.

A file holds `found(evidence)`, one line of what gives the timing away or an empty text, and, in
`VOIDS`, what that is: a "lie" of backend or timer, whose number is thrown away, or a "doubt" that
the host has raised, whose number is kept in the record and shown nowhere.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

from bench.speed.evidence import Evidence
from models import folder

HERE = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """Every detector, in the order that their findings are told."""
    files = folder.files(HERE)
    after = {name: folder.neighbours_in(file) for name, file in files.items()}
    return tuple(folder.ordered(after))


def load(name: str) -> Any:
    """The module of a detector."""
    return importlib.import_module(f"{__name__}.{name}")


def found(evidence: Evidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What all detectors say: lies, then doubts."""
    said: dict[str, list[str]] = {"lie": [], "doubt": []}
    for name in names():
        detector = load(name)
        if line := detector.found(evidence):
            said[detector.VOIDS].append(line)
    return tuple(said["lie"]), tuple(said["doubt"])

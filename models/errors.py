"""The exception tree of PosePort.

PosePortError
├── BadInput            wrong usage or bad data: exit code 2, nothing written
│   ├── SpecError       a mistake in a model spec: carries the author's file and line
│   ├── UnknownName     a name nobody registered: carries the nearest names and the list
│   └── NotWritten      a file that found no room; what was there before is as it was
└── Missing             a backend or device that was asked for is not here: exit code 3
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def shortened(text: object, most: int = 80) -> str:
    """What came, as a message may hold it: its beginning, where it is long."""
    said = str(text)
    if len(said) <= most:
        return said
    return f"{said[:most]}... ({len(said):,} characters)"


def visible(text: str) -> str:
    """A text in which ends of lines, colours and the like are as Python writes them."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


class PosePortError(Exception):
    """Root of everything PosePort raises on purpose; its text is one line for a person."""

    def __str__(self) -> str:
        # whatever a stranger has put into a name: another process reads the last line
        return visible(super().__str__())


class BadInput(PosePortError, ValueError):
    """What came, what was due, which file or call, and what to do."""


class SpecError(BadInput):
    """A mistake in a model spec, found while it is built."""


class UnknownName(BadInput):
    """A name that is not in a registry; the message gives the nearest names and the list."""

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, here: str = ""
    ) -> None:
        """`here` is what it is called in the registry, where that is known."""
        names = sorted(known)
        # before it is compared with each of them, letter by letter
        name = shortened(name)
        # 0.5: two letters of four may differ, as a typing error leaves them
        near = [here] if here else difflib.get_close_matches(name, names, 3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        super().__init__(f"unknown {kind} {name!r}: {hint}known: {', '.join(names)}")


class NotWritten(BadInput):
    """A file could not be written: the disk is full, or its place was taken away."""


class Missing(PosePortError):
    """A framework or device that was asked for is not here; says what to install."""

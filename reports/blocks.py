"""The neutral page: what a section says, before anyone decides between Markdown and HTML.

Text is plain here. Whoever writes a page in some format escapes it, so a section never has
to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# What stands in the place of every number that nobody took; never 0 and never a blank.
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Code:
    """A name or a command, set in type of fixed width."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Words that must be seen."""

    text: str


@dataclass(frozen=True)
class Link:
    """Words that lead somewhere: to a file beside the page, and a place in it."""

    text: str
    target: str


Inline = str | Code | Strong | Link
Row = dict[str, Inline]  # of a table: cells by the title of their column


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the page, 2 a section, 3 a part of a section."""

    text: str
    level: int = 3


@dataclass(frozen=True)
class Text:
    """One paragraph."""

    parts: tuple[Inline, ...]


@dataclass(frozen=True)
class Bullets:
    """A list, each item one line of parts."""

    items: tuple[tuple[Inline, ...], ...]


@dataclass(frozen=True)
class Table:
    """A frame whose cells are `Inline`."""

    frame: pd.DataFrame
    caption: str = ""
    folded: bool = False  # shut until the reader opens it


@dataclass(frozen=True)
class Figure:
    """An image at `path`, relative to the page, and the words for who cannot see it."""

    path: str
    caption: str


Block = Heading | Text | Bullets | Table | Figure


def text(*parts: Inline) -> Text:
    """A paragraph from its parts."""
    return Text(parts)


def bullets(items: Iterable[Iterable[Inline]]) -> Bullets:
    """A list from items, each an iterable of parts."""
    return Bullets(tuple(tuple(item) for item in items))


def table(
    rows: Iterable[Mapping[str, Inline]], *, caption: str = "", folded: bool = False
) -> Table:
    """A table from rows by column name; a cell that no row fills was not measured."""
    # Here, not above: pandas takes most of a second to load, and not every command reports.
    import pandas as pd

    given = list(rows)  # gone through twice
    # In order of first mention, so that a section gives its columns their places.
    columns = list(dict.fromkeys(column for row in given for column in row))
    cells = [[row.get(column, NOT_MEASURED) for column in columns] for row in given]
    # `object`: pandas would make numbers of "1,024" and "0", and write them its own way.
    frame = pd.DataFrame(cells, columns=columns, dtype=object)
    return Table(frame, caption, folded)

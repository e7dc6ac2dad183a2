"""Blocks to GitHub-flavoured Markdown.

Whatever a person or a framework wrote is escaped; only this file writes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reports.blocks import (
    Block,
    Bullets,
    Code,
    Figure,
    Heading,
    Inline,
    Strong,
    Table,
    Text,
)

# An underscore inside a word is no emphasis; escaping it would only make names hard to
# search for.
MARKUP = re.compile(r"([\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
LINE_START = re.compile(r"^(\d*)([#+=-]|(?<=\d)[.)](?=\s|$))")
ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def page(blocks: Iterable[Block]) -> str:
    """The whole page, one blank line between blocks."""
    return "\n\n".join(block(item) for item in blocks) + "\n"


def block(item: Block) -> str:
    """One block as Markdown, without the newline at its end."""
    match item:
        case Heading():
            return f"{'#' * item.level} {escape(item.text)}"
        case Text():
            return line(item.parts)
        case Bullets():
            return "\n".join(f"- {line(parts)}" for parts in item.items)
        case Figure():
            return f"![{escape(item.caption)}]({item.path})\n\n*{escape(item.caption)}*"
        case Table():
            return table(item)


def table(item: Table) -> str:
    """A pipe table through pandas and tabulate; numbers stand to the right, a folded one
    goes into `<details>`.
    """
    frame = item.frame.map(cell).rename(columns=escape)
    align = [
        "right" if is_numeric(item.frame[column]) else "left"
        for column in item.frame.columns
    ]
    body = frame.to_markdown(
        index=False, tablefmt="pipe", disable_numparse=True, colalign=align
    )
    if item.folded:
        return f"<details><summary>{escape(item.caption)}</summary>\n\n{body}\n\n</details>"
    return f"{strong(item.caption)}\n\n{body}" if item.caption else body


def is_numeric(cells: Iterable[Inline]) -> bool:
    """Whether at least one cell is a number and all the others are words in a number's
    place.
    """
    plain = [part for part in cells if isinstance(part, str)]
    digits = [
        part for part in plain if re.match(r"[-+]?\d[\d,.]*(e[-+]\d+)?( (%|to .*))?$", part)
    ]
    return bool(digits) and all(
        part in digits or part.startswith(("not ", "void")) for part in plain
    )


def line(parts: Iterable[Inline]) -> str:
    """Parts as one line that no leading sign can turn into a title or a list."""
    return LINE_START.sub(r"\1\\\2", "".join(map(inline, parts)))


def cell(part: Inline) -> str:
    """A part as a table cell: GitHub splits rows at pipes before it looks for code, so they
    are escaped there too.
    """
    return inline(part).replace("|", "\\|") if isinstance(part, Code) else inline(part)


def inline(part: Inline) -> str:
    """A part as Markdown."""
    match part:
        case Code():
            return code(part.text)
        case Strong():
            return strong(part.text)
        case _:
            return escape(part)


def strong(text: str) -> str:
    """Text in bold; a space at either end would undo it."""
    return f"**{escape(text.strip())}**"


def code(text: str) -> str:
    """A code span with a fence longer than any run of backticks inside."""
    plain = printable(text).strip()
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", plain)), default=0))
    pad = " " if "`" in plain else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def escape(text: str) -> str:
    """Text that shows as it was written: no markup, no HTML, one line."""
    return MARKUP.sub(r"\\\1", printable(text).translate(ENTITIES))


def printable(text: str) -> str:
    """Text on one line; newlines and characters without a shape become single spaces."""
    visible = "".join(char if char.isprintable() else " " for char in text)
    return re.sub(" {2,}", " ", visible)

"""Blocks to GitHub-flavoured Markdown.

Whatever a person or a framework wrote is escaped; only this file writes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from reports.blocks import (
    Block,
    Bullets,
    Code,
    Figure,
    Heading,
    Inline,
    Link,
    Strong,
    Table,
    Text,
)

# An underscore inside a word is no emphasis; escaping it would only make names hard to
# search for. A dollar sign begins a formula, a tilde strikes out.
MARKUP = re.compile(r"([\\`*\[\]|~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")
# What makes a title, a list or a rule of a line, but only at its start: "#", "-", "1.".
LINE_START = re.compile(r"^(\d*)([#+=-]|(?<=\d)[.)](?=\s|$))")
# A number as `numbers` writes it, alone, in per cent, or as an interval "1 to 2".
NUMBER = re.compile(r"[-+]?\d[\d,.]*(e[-+]\d+)?( (%|to .*))?$")
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
    """A pipe table; numbers stand to the right, a folded one goes into `<details>`."""
    align = []
    for column in item.frame.columns:
        # Before escaping: a minus or a comma must still look like a part of a number.
        align.append("right" if is_numeric(item.frame[column]) else "left")
    frame = item.frame.map(cell).rename(columns=escape)
    # pandas hands it to tabulate, which would read 1e-7 as a number and write it anew.
    body = frame.to_markdown(
        index=False, tablefmt="pipe", disable_numparse=True, colalign=align
    )
    if item.folded:
        # GitHub reads Markdown inside HTML only behind an empty line.
        summary = f"<summary>{escape(item.caption)}</summary>"
        return f"<details>{summary}\n\n{body}\n\n</details>"
    return f"{strong(item.caption)}\n\n{body}" if item.caption else body


def is_numeric(cells: Iterable[Inline]) -> bool:
    """Whether a cell is a number and all the others are words in a number's place."""
    # Code and strong words take no part: a verdict among numbers turns no column around.
    plain = [part for part in cells if isinstance(part, str)]
    digits = [part for part in plain if NUMBER.match(part)]
    words = [part for part in plain if part not in digits]
    # "not measured", "not finite", "void"
    return bool(digits) and all(part.startswith(("not ", "void")) for part in words)


def line(parts: Iterable[Inline]) -> str:
    """Parts as one line that no leading sign can turn into a title or a list."""
    return LINE_START.sub(r"\1\\\2", "".join(map(inline, parts)))


def cell(part: Inline) -> str:
    """A part as a table cell."""
    # GitHub splits rows at pipes before it looks for code, so they are escaped there too.
    if isinstance(part, Code):
        return inline(part).replace("|", "\\|")
    return inline(part)


def inline(part: Inline) -> str:
    """A part as Markdown."""
    match part:
        case Code():
            return code(part.text)
        case Strong():
            return strong(part.text)
        case Link():
            # a bracket or a space in it would end it
            return f"[{escape(part.text)}]({quote(part.target, safe='/#')})"
        case _:
            return escape(part)


def strong(text: str) -> str:
    """Text in bold."""
    # A space at either end would undo it.
    return f"**{escape(text.strip())}**"


def code(text: str) -> str:
    """A code span with a fence longer than any run of backticks inside."""
    plain = printable(text).strip()
    # Without text it would be two fences, which are text.
    if not plain:
        return ""
    runs = re.findall("`+", plain)
    fence = "`" * (1 + max(map(len, runs), default=0))
    # A backtick at either end would join the fence.
    pad = " " if runs else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def escape(text: str) -> str:
    """Text that shows as it was written: no markup, no HTML, one line."""
    return MARKUP.sub(r"\\\1", printable(text).translate(ENTITIES))


def printable(text: str) -> str:
    """Text on one line; newlines and characters without a shape become single spaces."""
    # Among those without a shape are the ones that turn the direction of what follows.
    visible = "".join(char if char.isprintable() else " " for char in text)
    return re.sub(" {2,}", " ", visible)

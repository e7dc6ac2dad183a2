"""Plain tables on stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence

WIDTH = 160  # columns where no terminal says how many it has


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, as wide as the terminal where there is one."""
    from rich.console import Console
    from rich.table import Column, Table

    from models.errors import visible

    # a long name goes on beneath: cut short, it would look like another
    columns = [Column(title, overflow="fold") for title in head]
    shown = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        shown.add_row(*map(visible, row))
    width = None if sys.stdout.isatty() else WIDTH
    # What is shown comes from files of others too: no markup of theirs is obeyed.
    Console(width=width, markup=False, highlight=False).print(shown)

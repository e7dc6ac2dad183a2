"""How far a sweep is, on stderr: a bar at a terminal, elsewhere a line for each cell."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.commands._summary import summary
from bench.records import Record
from bench.sweep.index import SETTLED
from models.errors import visible


@dataclass(frozen=True)
class Heard:
    """Who is told of ends, and of what else there is to say."""

    ended: Callable[[str, Record], None]
    say: Callable[[str], None]


Cell = tuple[str, str, str, str]  # run, task, backend, model


@contextmanager
def progress(total: int, *, quiet: bool) -> Iterator[Heard]:
    """Tells of a sweep that has so many cells to do."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    # stderr, so that stdout is findings alone; no markup, as texts come from files of others
    console = Console(stderr=True, markup=False, highlight=False)
    if quiet:
        yield Heard(lambda run, record: None, lambda text: None)
        return
    if not console.is_terminal:
        yield _lines(total)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f} of {task.total:.0f} cells"),
        TimeRemainingColumn(),
    )
    latest: dict[Cell, str] = {}
    with Progress(*columns, console=console, transient=True) as shown:
        bar = shown.add_task("sweep", total=total)

        def ended(run: str, record: Record) -> None:
            latest[_cell(run, record)] = record.status
            told = _counted(Counter(latest.values()))
            shown.update(bar, completed=len(latest), description=told)
            if record.status not in SETTLED:
                shown.print(_told(run, record))

        yield Heard(ended, shown.print)


def _lines(total: int) -> Heard:
    cells = set[Cell]()

    def ended(run: str, record: Record) -> None:
        # one that is attempted again is no other cell
        cells.add(_cell(run, record))
        say(f"{len(cells)} of {total}: {_told(run, record)}")

    def say(text: str) -> None:
        sys.stderr.write(f"{visible(text)}\n")
        sys.stderr.flush()

    return Heard(ended, say)


def _counted(counts: Counter[str]) -> str:
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return told.replace("_", " ")


def _cell(run: str, record: Record) -> Cell:
    return run, record.task, record.backend, record.model


def _told(run: str, record: Record) -> str:
    cell = f"{run} {record.task} {record.backend} {record.model} {record.status}"
    return " ".join(f"{cell} {record.reason or summary(record)}".split())

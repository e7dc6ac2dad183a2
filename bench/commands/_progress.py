"""How far a run is, on stderr; silent where that is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.commands._summary import summary
from bench.coordinator.crew import Listener
from bench.coordinator.job import Job
from bench.records import Record


@contextmanager
def waiting(text: str, *, quiet: bool) -> Iterator[None]:
    """A spinner, where somebody looks on."""
    # here: a command that prints JSON or ends at once does not wait for it
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
    else:
        with console.status(text):
            yield


@contextmanager
def progress(total: int, *, quiet: bool) -> Iterator[tuple[Listener, Any]]:
    """A bar for the run and one for each cell at work; gives who is told of work, and of ends."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    # stderr, so that stdout is findings alone; no markup, as texts come from files of others
    console = Console(stderr=True, markup=False, highlight=False)
    silent = quiet or not console.is_terminal
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=silent, transient=True) as bars:
        whole = bars.add_task("all cells", total=total)
        at_work: dict[tuple[str, ...], Any] = {}

        def listen(job: Job, text: str, share: float) -> None:
            key = job.task, job.backend, job.model
            # when it first speaks, not when it is queued: the bars are the cells at work
            if key not in at_work:
                at_work[key] = bars.add_task("", total=1.0)
            about = " ".join(filter(None, (job.task, job.model)))
            where = f" on {job.backend}" if job.backend else ""
            text = f"{about}{where}: {text}"
            bars.update(at_work[key], description=text, completed=share)

        def finished(record: Record) -> None:
            bars.advance(whole)
            key = record.task, record.backend, record.model
            # a cell may end without a word, as where its backend is missing
            if key in at_work:
                bars.remove_task(at_work.pop(key))
            if not silent:
                cell = f"{record.task:12} {record.backend:8} {record.model:16}"
                said = record.reason or summary(record)
                bars.print(f"{cell} {record.status:10} {said}")

        yield listen, finished

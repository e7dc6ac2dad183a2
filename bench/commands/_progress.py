"""How far a run is, on stderr: bars at a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.commands._pace import Pace, Work, duration, named
from bench.commands._summary import summary
from bench.coordinator.crew import Keep, Listener
from bench.coordinator.job import Job, Progress
from bench.records import Record
from models.errors import visible

if TYPE_CHECKING:
    from rich.console import Console

Both = tuple[Listener, Keep]  # who is told of work, and of ends
# seconds between two lines of a file or a log, where no cell ends meanwhile
EVERY = 30.0


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
def spoken(*, quiet: bool) -> Iterator[Progress]:
    """Tells what a command does and how far it is: at a terminal, elsewhere now and then."""
    from rich.console import Console

    console = Console(stderr=True, markup=False, highlight=False)
    last = time.monotonic()

    def say(text: str, share: float) -> None:
        nonlocal last
        if time.monotonic() - last >= EVERY:
            last = time.monotonic()
            sys.stderr.write(f"{visible(text)} ({share:.0%})\n")
            sys.stderr.flush()

    if quiet:
        yield lambda text, share: None
    elif console.is_terminal:
        with console.status("reading") as shown:
            yield lambda text, share: shown.update(f"{text} ({share:.0%})")
    else:
        yield say


@contextmanager
def progress(jobs: Sequence[Job], *, quiet: bool) -> Iterator[Both]:
    """Tells of a run that has these cells to do."""
    from rich.console import Console

    # stderr, so that stdout is findings alone; no markup, as texts come from files of others
    console = Console(stderr=True, markup=False, highlight=False)
    if quiet:
        yield (lambda job, text, share: None), (lambda record: None)
    elif console.is_terminal:
        with bars(console, Pace.of(jobs)) as both:
            yield both
    else:
        yield lines(Pace.of(jobs))


def lines(pace: Pace) -> Both:
    """A line for each cell that ends, and one every half minute of what is at work."""
    last = pace.clock()

    def say(text: str) -> None:
        nonlocal last
        last = pace.clock()
        # in one piece: several cells may speak at once
        sys.stderr.write(f"{pace.said()}: {visible(text)}\n")
        sys.stderr.flush()

    def listen(job: Job, text: str, share: float) -> None:
        work = pace.heard(job, text, share)
        if pace.clock() - last >= EVERY:
            say(" ".join([work.said, f"({share:.0%})", _left(work, pace)]).strip())

    def finished(record: Record) -> None:
        pace.ended(record)
        cell = named(record.task, record.backend, record.model)
        say(" ".join(f"{cell} {record.status} {_told(record)}".split()))

    return listen, finished


@contextmanager
def bars(console: Console, pace: Pace) -> Iterator[Both]:
    """A bar for the run and one for each cell at work, each with the time that is left."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        whole = shown.add_task(pace.said(), total=pace.total, left="")
        at_work: dict[tuple[str, ...], Any] = {}

        def listen(job: Job, text: str, share: float) -> None:
            work = pace.heard(job, text, share)
            key = job.task, job.backend, job.model
            # when it first speaks, not when it is queued: the bars are the cells at work
            if key not in at_work:
                at_work[key] = shown.add_task("", total=1.0, left="")
            shown.update(
                at_work[key],
                description=work.said,
                completed=share,
                left=_left(work, pace),
            )
            shown.update(whole, description=pace.said())

        def finished(record: Record) -> None:
            pace.ended(record)
            key = record.task, record.backend, record.model
            # a cell may end without a word, as where its backend is missing
            if key in at_work:
                shown.remove_task(at_work.pop(key))
            shown.update(whole, description=pace.said(), completed=pace.done)
            cell = f"{record.task:12} {record.backend:8} {record.model:16}"
            shown.print(f"{cell} {record.status:10} {_told(record)}")

        yield listen, finished


def _left(work: Work, pace: Pace) -> str:
    left = work.left(pace.clock())
    return "" if left is None else f"{duration(left)} left"


def _told(record: Record) -> str:
    return record.reason or summary(record)

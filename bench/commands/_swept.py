"""A sweep from its file to its tables: what is checked, made, done and said, in this order."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.commands._interrupted import Interrupted
from bench.commands._measure import RUNS
from bench.commands._progress import spoken
from bench.commands._said import say
from bench.commands._sweep_progress import progress
from bench.commands._sweep_rows import Rows
from bench.commands._tables import table
from bench.coordinator import lock
from bench.coordinator.run import unique
from bench.data.formats import places
from bench.processes import machine
from bench.records import Record
from bench.sweep import executors, index, lots, points
from bench.sweep.conducting import Sweep
from bench.sweep.index import SETTLED
from bench.sweep.keys import Keys
from bench.sweep.order import Executor, Setting
from bench.sweep.points import Points
from models.errors import BadInput

FILE = "sweep.yaml"  # in the folder of a sweep
SHOWN = 100  # rows on a terminal; the files have all


@dataclass(frozen=True)
class Result:
    """What there is to say of a sweep that has ended."""

    folder: Path
    rows: Rows
    counts: Mapping[str, int]  # cells by status


def swept(
    *,
    file: Path | None,
    resume: Path | None,
    out: Path | None,
    executor: str,
    address: str,
    as_json: bool,
) -> int:
    """Answer `sweep`; the exit code. Nothing is written before all that can be wrong is known."""
    found = points.of(_sweep_file(file, resume))
    kind = executors.get(executor)
    places.folder(resume or out or RUNS)
    with spoken(quiet=as_json) as told:
        setting = _setting(found, address)
        elsewhere = partial(kind.environment, setting)
        found.check(told, lambda backend: elsewhere(backend) is None)
        plan = lots.planned(found, Keys(elsewhere), told)
    # it may be unreachable: before a folder is made, too
    hands = kind.start(setting)
    try:
        folder = resume or _made(found, out or RUNS)
        with lock.held(folder):
            how = _by(executor, address)
            result = _executed(found, folder, plan, hands, how=how, as_json=as_json)
    finally:
        hands.close()
    _show(result, as_json=as_json)
    return _exit_code(result)


def _sweep_file(file: Path | None, resume: Path | None) -> Path:
    """Where the sweep is written. Raises BadInput for a folder of none."""
    if resume is None:
        assert file is not None  # as the command has made sure
        return file
    if not (resume / FILE).exists():
        raise BadInput(
            f"{resume} is no sweep: it holds no {FILE}; give the folder that"
            " `python -m bench sweep` printed"
        )
    return resume / FILE


def _by(executor: str, address: str) -> str:
    """How it is done, as it is typed behind a command."""
    where = f" --address {shlex.quote(address)}" if address else ""
    return f" --executor {executor}{where}"


def _setting(found: Points, address: str) -> Setting:
    first = found.config(next(found.grid.places()))
    cores = max(1, machine.usable_cores() // first.threads)
    accelerated = first.device != "cpu" and machine.has_accelerator()
    return Setting(
        # an accelerator cannot be shared fairly
        workers=first.workers or (1 if accelerated else cores),
        address=address,
        environments=found.written.environments,
    )


def _made(found: Points, out: Path) -> Path:
    """A folder for a new sweep."""
    folder = out / unique("sweep")
    folder.mkdir(parents=True)
    # as it was written, with its comments
    (folder / FILE).write_bytes(found.file.read_bytes())
    return folder


def _executed(
    found: Points,
    folder: Path,
    plan: list[lots.Lot],
    executor: Executor,
    *,
    how: str,
    as_json: bool,
) -> Result:
    rows = Rows.of(found, plan)
    rows.read(folder)
    known = index.read(folder, rows.holds)
    cells = {key for lot in plan for key in lot.keys}
    kept = sum(known.is_done(key, found.written.attempts) for key in cells)
    said = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
    # those that points have in common are told of each
    total = sum(len(lot.keys) for lot in plan) - rows.known
    with _resumable(folder, how), progress(total, quiet=as_json) as heard:
        if kept and not as_json:
            heard.say(f"{kept:,} of {len(cells):,} cells have been done before")

        def keep(run: str, record: Record) -> None:
            rows.add(run, record)
            heard.ended(run, record)

        sweep = Sweep(found, folder, known, plan, keep, said)
        sweep.execute(executor)
    rows.write(folder)
    counts = Counter(known.cells[key].status for key in sorted(cells))
    return Result(folder, rows, {str(name): count for name, count in counts.items()})


@contextmanager
def _resumable(folder: Path, how: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        going_on = f"python -m bench sweep --resume {shlex.quote(str(folder))}{how}"
        raise Interrupted(f"interrupted; go on with: {going_on}") from None


def _exit_code(result: Result) -> int:
    """As of a run: 1 where a cell failed, 2 where there was no room, 3 where nothing could run."""
    if "not_written" in result.counts:
        return 2
    if result.counts.keys() - set(SETTLED):
        return 1
    return 3 if result.counts.keys() == {"unsupported"} else 0


def _show(result: Result, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_document(result)))
        return
    head, lines = result.rows.told()
    table(head, lines[:SHOWN])
    if len(lines) > SHOWN:
        say(f"and {len(lines) - SHOWN:,} more rows in the files")
    told = ", ".join(f"{count:,} {name}" for name, count in result.counts.items())
    say(f"cells: {told.replace('_', ' ')}")
    say(
        f"sweep: {result.folder} (summary.md, summary.csv, and a run folder for each point)"
    )


def _document(result: Result) -> dict[str, object]:
    return {
        "ok": result.counts.keys() <= set(SETTLED),
        "sweep": str(result.folder),
        "cells": result.counts,
        "rows": result.rows.documents(),
    }

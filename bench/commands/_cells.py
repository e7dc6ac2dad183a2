"""What the measuring commands share: options to configuration, cells to a run folder,
progress, a table of findings, the exit code.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.config import Config
from bench.coordinator.crew import Listener
from bench.coordinator.job import Job
from bench.coordinator.run import Outcome
from bench.records import (
    Baselines,
    Comparison,
    Evaluation,
    Exam,
    Feasibility,
    Parity,
    Record,
    ThirdParty,
    Throughput,
    Training,
)

Row = tuple[str, str, str, str, str]


def configure(
    *,
    tasks: Sequence[str] | None,
    backend: list[str] | None,
    model: list[str] | None,
    profile: str = "smoke",
    file: Path | None = None,
    overrides: list[str] | None = None,
    **options: Any,
) -> Config:
    """The validated configuration of a command.

    Options left out (None) keep what profile and file say.
    """
    from bench import config

    given: dict[str, Any] = {
        key: value for key, value in options.items() if value is not None
    }
    if tasks is not None:
        given["tasks"] = list(tasks)
    if backend:
        given["backend"] = _named(backend)
    return config.load(
        profile=profile,
        file=file,
        overrides=overrides or [],
        options=given,
        models=model or [],
    )


def measure(config: Config, *, out: Path, resume: Path | None, as_json: bool) -> int:
    """Run the cells, write the report, print what was found; the exit code."""
    import reports
    from bench.coordinator import run

    if resume is not None:
        config = run.resumed(resume)
    with _waiting("checking names and reading data", quiet=as_json):
        clips = run.check(config, resume=resume)
    command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
    folder = resume or run.start(config, out=out, command=command, clips=clips)
    try:
        with _progress(len(run.jobs(config, folder)), quiet=as_json) as (listen, finished):
            outcome = run.execute(folder, config, listen, finished)
    except KeyboardInterrupt:
        print(
            f"interrupted; go on with: python -m bench run --resume {folder}",
            file=sys.stderr,
        )
        return 130
    report = reports.build(folder)
    show(outcome, report, as_json=as_json)
    return exit_code(outcome, config)


def exit_code(outcome: Outcome, config: Config) -> int:
    """1 where a measured check failed, 3 where the device that was asked for is nowhere,
    else 0.
    """
    if outcome.failed:
        return 1
    asked = [record for record in outcome.records if record.backend]
    unusable = all(record.status == "unsupported" for record in asked)
    return 3 if asked and unusable and config.device != "auto" else 0


def show(outcome: Outcome, report: Path, *, as_json: bool) -> None:
    """The findings as a table, or as one JSON document."""
    if as_json:
        rows = [record.model_dump(mode="json") for record in outcome.records]
        print(
            json.dumps(
                {
                    "ok": not outcome.failed,
                    "run": str(outcome.folder),
                    "report": str(report),
                    "records": rows,
                }
            )
        )
        return
    table(
        ("task", "backend", "model", "status", "finding"),
        [_row(record) for record in outcome.records],
    )
    print(f"report: {report}")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A plain table on stdout, as wide as the terminal where there is one."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(*head, box=None, pad_edge=False)
    for row in rows:
        shown.add_row(*row)
    Console(
        width=None if sys.stdout.isatty() else 160, markup=False, highlight=False
    ).print(shown)


def summary(record: Record) -> str:
    """The one figure of a cell that a reader looks for."""
    match record.payload:
        case Parity(checks=checks):
            worst = max(
                checks,
                key=lambda check: (
                    (check.error or 0) / check.bound if check.bound else (check.error or 0)
                ),
            )
            return (
                f"{sum(check.ok for check in checks)} of {len(checks)} checks hold; closest"
                f" to its bound: {worst.kind} {worst.name}"
            )
        case Comparison(checks=checks, against=against):
            return (
                f"{sum(check.ok for check in checks)} of {len(checks)} values agree with"
                f" {against}"
            )
        case Exam(rows=rows):
            return (
                f"{sum(row.result == 'passed' for row in rows)} of {len(rows)} questions"
                " passed"
            )
        case ThirdParty() as exam:
            run, *rest = exam.counts().items()
            return f"{run[1]} cases run: " + ", ".join(
                f"{amount} {result}" for result, amount in rest
            ).replace("_", " ")
        case Training(
            validation_mpjpe=curve,
            steps=steps,
            train_seconds=seconds,
            protocol=protocol,
            protocol_hash=digest,
        ):
            under = f"protocol {protocol} {digest}"
            return (
                f"{steps} steps in {seconds:.0f} s, {curve[-1]:.1f} mm on held-out poses;"
                f" {under}"
                if curve
                else f"{steps} steps"
            )
        case Baselines(protocol=protocol, protocol_hash=digest) as payload:
            scores = ", ".join(
                f"{base.name} {_mm(payload.headlined(base.metrics))}"
                for base in payload.baselines
            )
            return f"{payload.headline} {scores}; protocol {protocol} {digest}"
        case Evaluation(protocol=protocol, protocol_hash=digest) as payload:
            score = (
                f"{payload.headline} {_mm(payload.headlined(payload.metrics))}"
                f" {payload.averaging}-wise"
            )
            return f"{score}; protocol {protocol} {digest}"
        case Throughput(timings=timings):
            fast = max(
                (row for row in timings if row.what == "forward"),
                key=lambda row: row.frames_per_second or 0,
            )
            return (
                f"{fast.frames_per_second:,.0f} frames/s forward at batch {fast.batch}"
                if fast.frames_per_second
                else ""
            )
        case Feasibility(graph_ops=graphs, parameters=parameters):
            gaps = sum(need.via == "gap" for needs in graphs.values() for need in needs)
            return f"{parameters:,} parameters, {gaps} gaps"
    return ""


def _mm(score: float | None) -> str:
    return "not measured" if score is None else f"{score:.1f} mm"


def _row(record: Record) -> Row:
    return (
        record.task,
        record.backend,
        record.model,
        record.status,
        record.reason or summary(record),
    )


def _named(backend: list[str]) -> list[str]:
    import backends

    return backends.installed() if "all" in backend else backend


@contextmanager
def _waiting(text: str, *, quiet: bool) -> Iterator[None]:
    """A spinner on stderr; silent where that is no terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
    else:
        with console.status(text):
            yield


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[tuple[Listener, Any]]:
    """A bar for the run and one for each cell at work, on stderr; silent where that is no
    terminal.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, markup=False, highlight=False)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, console=console, disable=quiet or not console.is_terminal, transient=True
    ) as bars:
        whole = bars.add_task("all cells", total=total)
        at_work: dict[tuple[str, ...], Any] = {}

        def listen(job: Job, text: str, share: float) -> None:
            key = job.task, job.backend, job.model
            if key not in at_work:
                at_work[key] = bars.add_task("", total=1.0)
            bars.update(
                at_work[key],
                description=f"{job.task} {job.model} on {job.backend}: {text}",
                completed=share,
            )

        def finished(record: Record) -> None:
            bars.advance(whole)
            if (key := (record.task, record.backend, record.model)) in at_work:
                bars.remove_task(at_work.pop(key))
            if console.is_terminal and not quiet:
                bars.print(
                    f"{record.task:12} {record.backend:8} {record.model:16}"
                    f" {record.status:10} {record.reason or summary(record)}"
                )

        yield listen, finished

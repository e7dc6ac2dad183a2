"""Show a number of many runs over time, by machine and protocol, and where it has stepped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.commands import Json

EXAMPLES = (
    "history runs",
    "history runs --metric mpjpe --model videopose3d --figure mpjpe.png",
    "history runs .benchmarks/0001.json --metric seconds --to seconds.parquet",
)

Places = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Run folders, folders of them, or JSON files of pytest-benchmark.",
        show_default="runs",
    ),
]
Metric = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="Number to follow, repeatable: frames_per_second, mpjpe, train_seconds, ...",
        show_default="the main one of each task",
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", metavar="NAME", help="Model, repeatable."),
]
Backends = Annotated[
    list[str] | None,
    typer.Option("--backend", metavar="NAME", help="Backend, repeatable."),
]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", metavar="NAME", help="Task, repeatable."),
]
Machine = Annotated[
    list[str] | None,
    typer.Option(
        "--machine",
        metavar="NAME",
        help="One machine: the beginning of its hash, or a part of what it is called.",
        show_default="each by itself",
    ),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to", help="Table as .csv or .parquet; .json of pytest-benchmark, of one run."
    ),
]
Figure = Annotated[
    Path | None, typer.Option("--figure", help="PNG to draw the series in.")
]


def command(
    places: Places = None,
    metric: Metric = None,
    model: Models = None,
    backend: Backends = None,
    task: Tasks = None,
    machine: Machine = None,
    to: To = None,
    figure: Figure = None,
    json: Json = False,
) -> int:
    """Show numbers of many runs over time, and where they stepped."""
    import json as encoder

    from bench import history
    from bench.commands import _history
    from bench.history import table

    _history.check_targets(to, figure)
    found = history.read(places or [Path("runs")])
    asked = {"model": model, "backend": backend, "task": task, "metric": metric}
    points = _history.chosen(found.points, asked, machine or [])
    told = [_history.Told(each) for each in table.series(points)]
    if to:
        _history.write(to, points)
    if figure:
        _history.draw(figure, told)
    if json:
        document = _history.document(found, told)
        print(encoder.dumps(document, default=str))
        return 0
    _history.show(found, told)
    return 0

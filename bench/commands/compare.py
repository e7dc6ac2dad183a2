"""Hold models of several runs or checkpoints against each other: scores of one protocol, speeds."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands import Json
from bench.commands._said import say
from models.errors import BadInput

EXAMPLES = (
    "compare runs/ONE runs/OTHER",
    "compare runs --to table.md --curves curves.png --bars bars.png",
    "compare runs/BASE runs/NEW --fail-above 5",
)

# `--help` must not wait for pydantic and matplotlib
if TYPE_CHECKING:
    from bench.commands._compared import Row
    from bench.history.ratios import Speed
    from reports.plot import Bar, Curve

Places = Annotated[
    list[Path],
    typer.Argument(help="Run folders, folders of them, or checkpoints."),
]
To = Annotated[
    Path | None, typer.Option("--to", help="Markdown file to write the table to.")
]
Curves = Annotated[
    Path | None, typer.Option("--curves", help="PNG to draw the trainings in.")
]
Bars = Annotated[Path | None, typer.Option("--bars", help="PNG to draw the scores in.")]
FailAbove = Annotated[
    float | None,
    typer.Option(
        "--fail-above",
        metavar="PERCENT",
        min=0.0,
        help="Exit 1 where a timing is surely that much slower than in the first run.",
        show_default="never",
    ),
]


def command(
    places: Places,
    to: To = None,
    curves: Curves = None,
    bars: Bars = None,
    fail_above: FailAbove = None,
    json: Json = False,
) -> int:
    """Compare scores and speeds of several runs or checkpoints."""
    import json as encoder

    from bench.commands import _compared
    from bench.data.formats import places as targets
    from reports import plot

    for target, end in ((to, ".md"), (curves, ".png"), (bars, ".png")):
        if target and target.suffix.lower() != end:
            raise BadInput(f"{target}: a name that ends in {end} was due")
        if target:
            targets.new(target)
    rows = _compared.rows(places)
    speeds = [speed for row in rows for speed in row.speeds]
    slower = [] if fail_above is None else _slower(speeds, fail_above)
    # all that can be wrong before anything is written
    trained = _curves(rows, curves) if curves else []
    scored = _bars(rows, bars) if bars else {}
    if to:
        targets.write(to, _markdown(rows))
    if curves:
        with targets.writing(curves):
            plot.curves(curves, trained, {})
    if bars:
        with targets.writing(bars):
            plot.bars(bars, scored, "mm")
    if json:
        print(encoder.dumps([_document(row) for row in rows]))
    else:
        _show(rows, speeds, slower)
    return 1 if slower else 0


def _show(rows: list[Row], speeds: list[Speed], slower: list[Speed]) -> None:
    """Both tables, and what fails."""
    from bench.commands._tables import table

    for lines in _tables(rows, speeds):
        table(list(lines[0]), [list(line.values()) for line in lines])
        print()
    for each in slower:
        say(
            f"too slow: {each.what} of {each.model} on {each.backend} at batch {each.batch}:"
            f" {each.ratio:.3f} times ({each.low:.3f} to {each.high:.3f}) the seconds in"
            f" {each.base}"
        )


def _tables(rows: list[Row], speeds: list[Speed]) -> list[list[dict[str, str]]]:
    """Scores and speeds, in words; of models that were timed alone there are no scores."""
    scores = [_told(row) for row in rows]
    if not speeds:
        return [scores]
    timed = [_timed(each) for each in speeds]
    return [scores, timed] if any(row.protocol_hash for row in rows) else [timed]


def _slower(speeds: list[Speed], percent: float) -> list[Speed]:
    """What is surely slower. Raises BadInput where nothing is compared: that is no pass."""
    # every comparison with NaN is false, and nothing would ever fail
    if not isfinite(percent):
        raise BadInput(
            f"--fail-above {percent}: a number of per cent was due, such as 5"
        )
    earlier = [each for each in speeds if each.run != each.base]
    if not any(each.ratio for each in earlier if each.backend == each.against):
        why = dict.fromkeys(each.said for each in earlier)
        raise BadInput(
            f"--fail-above {percent:g}: no timing is compared"
            f" ({'; '.join(why) or 'nothing was timed twice'}); give two runs of `throughput`"
            " on one machine, with the same models, sizes and settings"
        )
    return [each for each in speeds if each.worse_than(percent)]


def _timed(speed: Speed) -> dict[str, str]:
    """A speed beside another in words, by the title of the column."""
    from reports.numbers import interval, number, percent

    counts = speed.ratio is not None
    return {
        "run": speed.run,
        "model": speed.model,
        "backend": speed.backend,
        "timed": f"{speed.what} {speed.batch} x {speed.frames}",
        "beside": f"{speed.base} {speed.against}",
        "ratio of seconds": number(speed.ratio) if counts else "",
        "95 %": interval(speed.low, speed.high) if counts else "",
        "of": speed.how,
        "A/A": percent(speed.floor) if counts else "",
        "result": speed.said,
    }


def _document(row: Row) -> dict[str, object]:
    """A row for a program; the curve is in the run's records."""
    from dataclasses import asdict

    return {key: value for key, value in asdict(row).items() if key != "training"}


def _told(row: Row) -> dict[str, str]:
    """A row in words, by the title of the column."""
    from reports.numbers import count, number

    return {
        "run or checkpoint": row.label,
        "model": row.model,
        "backend": row.backend,
        "protocol": f"{row.protocol} {row.protocol_hash}".strip(),
        "MPJPE mm": number(row.mpjpe),
        "PA-MPJPE mm": number(row.pa_mpjpe),
        "parameters": count(row.parameters),
        "steps": count(row.steps),
        "frames/s": number(row.frames_per_second),
        "note": row.note,
    }


def _markdown(rows: list[Row]) -> str:
    from reports import blocks, markdown

    # what people have called their files is text, whatever it looks like
    speeds = [speed for row in rows for speed in row.speeds]
    told = _tables(rows, speeds)
    return markdown.page([blocks.table([dict(line) for line in each]) for each in told])


def _curves(rows: list[Row], path: Path) -> list[Curve]:
    """The trainings. Raises BadInput where there are none."""
    from reports.plot import Curve

    found = []
    for row in rows:
        if (one := row.training) is None:
            continue
        # errors of hidden entries are no MPJPE, and are not drawn
        drawn = one.validation_of == "MPJPE"
        steps = one.validation_steps if drawn else ()
        errors = one.validation_mpjpe if drawn else ()
        found.append(Curve(row.name, one.loss_steps, one.loss, steps, errors))
    if not found:
        raise BadInput(f"{path}: none of them was trained in its run; leave it out")
    return found


def _bars(rows: list[Row], path: Path) -> dict[str, list[Bar]]:
    """The scores, without intervals. Raises BadInput where there are none."""
    from reports.plot import Bar

    scores = {
        "MPJPE": [(row.name, row.mpjpe) for row in rows],
        "PA-MPJPE": [(row.name, row.pa_mpjpe) for row in rows],
    }
    found = {}
    for metric, values in scores.items():
        known = [Bar(name, mm, mm, mm) for name, mm in values if mm is not None]
        if known:
            found[metric] = known
    if not found:
        raise BadInput(f"{path}: none of them was evaluated; leave it out")
    return found

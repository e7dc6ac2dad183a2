"""What `history` shows: the series of some points, in words, as a document, a file, a figure."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import records
from bench.commands._said import say
from bench.commands._tables import table as shown
from bench.data.formats import places as targets
from bench.history import Point, Read, machines, table, to_pytest
from bench.history.steps import Step, steps
from bench.history.table import Series
from models.errors import BadInput, UnknownName, shortened
from reports import plot
from reports.numbers import number, percent

ENDS = (*table.FORMATS, ".json")
PANELS = 12  # of a figure; more of them nobody can read


class Told:
    """A series, and what is said of it."""

    def __init__(self, series: Series) -> None:
        self.series = series

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Beyond the noise that its runs measured of themselves."""
        return steps(self.series.values, floor=self.series.floor or 0.0)

    @property
    def what(self) -> str:
        """What was measured: `forward 64 x 27`, or the mean of a metric."""
        key = self.series.key
        size = " x ".join(str(key[name]) for name in ("batch", "frames") if key[name])
        return " ".join(filter(None, (key["what"], size)))

    @property
    def how(self) -> str:
        """Size, device, precision, threads, mode: what else it is a series of."""
        key = self.series.key
        number_of = key["threads"] or 0
        threads = f"{number_of} thread{'s' if number_of > 1 else ''}"
        where = (key["device"], key["precision"], key["mode"])
        parts = (self.series.preset, *where, threads if number_of else "")
        return " ".join(filter(None, parts))

    @property
    def name(self) -> str:
        """All of it, for a line of its own."""
        key = self.series.key
        parts = (key["model"], key["backend"], self.what, self.how, key["metric"])
        return " ".join(filter(None, parts))

    def step(self, one: Step) -> str:
        """A step in a line: between which runs, what changed there, by how much."""
        along = self.series.along
        before, after = one.at - 1, one.at
        changed = [
            f"{name} {along[name][before]} -> {along[name][after]}"
            for name in ("commit", "versions")
            if along[name][before] != along[name][after]
        ]
        runs = along["run"][one.earliest], along["run"][one.latest]
        better = (one.ratio > 1) == (self.series.better == "higher")
        return (
            f"{'better' if better else 'worse'} from run {along['run'][after]}"
            f" (95 %: {runs[0]} to {runs[1]}): {number(one.before)} ->"
            f" {number(one.after)} {self.series.unit}, {number(one.ratio)} times"
            f" ({number(one.low)} to {number(one.high)})"
            f"{'; ' if changed else ''}{', '.join(changed)}"
        )


def check_targets(to: Path | None, figure: Path | None) -> None:
    """Raise BadInput for a file of another kind, or one that cannot be written."""
    for target, ends in ((to, ENDS), (figure, (".png",))):
        if target and target.suffix.lower() not in ends:
            due = " or ".join(ends)
            raise BadInput(f"{target}: a name that ends in {due} was due")
        if target:
            targets.new(target)


def chosen(
    points: Sequence[Point],
    asked: Mapping[str, Sequence[str] | None],
    machine: Sequence[str],
) -> list[Point]:
    """The points that were asked for; of each task its main number, where no metric was.

    Raises UnknownName for a name that no point has, BadInput where nothing is left, and for two
    machines: their numbers are two series, whatever is asked.
    """
    if not points:
        raise BadInput(
            "history: none of the runs has a number that counts; run throughput, train or evaluate"
        )
    left = _of_machine(points, machine) if machine else list(points)
    for name, values in asked.items():
        if not values:
            continue
        known = {getattr(point, name) for point in left}
        for value in values:
            if value not in known:
                raise UnknownName(f"{name} of these runs", value, known)
        left = [point for point in left if getattr(point, name) in values]
    if not asked["metric"]:
        main = [point for point in left if point.main]
        left = main or left
    return left


def _of_machine(points: Sequence[Point], names: Sequence[str]) -> list[Point]:
    known = {point.machine: point.machine_name for point in points}
    keys = set().union(*(machines.chosen(name, known) for name in names))
    if len(keys) > 1:
        listed = "; ".join(f"{key} ({known[key]})" for key in sorted(keys))
        raise BadInput(
            f"--machine {' '.join(names)} means {len(keys)} machines ({listed}): numbers of"
            " two machines are never one series; name one, or leave it out to see each by itself"
        )
    return [point for point in points if point.machine in keys]


def write(path: Path, points: Sequence[Point]) -> None:
    """The table of all points, or the run of them as pytest-benchmark has it."""
    if path.suffix.lower() != ".json":
        with targets.writing(path):
            table.write(points, path)
        return
    sources = {point.source for point in points}
    if len(sources) != 1 or not Path(min(sources)).is_dir():
        given = (
            f"{len(sources)} were given"
            if len(sources) > 1
            else f"{min(sources)} is none"
        )
        raise BadInput(
            f"{path}: pytest-benchmark's JSON is of one run folder, and {given}; give one, or a"
            " name that ends in .csv or .parquet"
        )
    document = to_pytest.written(records.read(Path(min(sources)), ("throughput",)))
    with targets.writing(path):
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def draw(path: Path, told: Sequence[Told]) -> None:
    """A panel for each series. Raises BadInput for more than a figure holds."""
    if len(told) > PANELS:
        raise BadInput(
            f"{path}: {len(told)} series, and a figure holds {PANELS}; choose with --model,"
            " --backend, --metric, --machine"
        )
    panels = [
        plot.Panel(
            title=f"{each.series.key['model']} on {each.series.key['backend']}",
            beneath=f"{each.what}, {each.series.machine_name}",
            unit=f"{each.series.key['metric']} ({each.series.unit})",
            values=each.series.values,
            lows=each.series.along["low"],
            highs=each.series.along["high"],
            steps=[one.at for one in each.steps],
        )
        for each in told
    ]
    with targets.writing(path):
        plot.history(path, panels)


def document(found: Read, told: Sequence[Told]) -> dict[str, Any]:
    """All of it for a program."""
    listed = [
        {**asdict(each.series), "steps": [asdict(one) for one in each.steps]}
        for each in told
    ]
    return {"runs": found.runs, "series": listed, "left_out": found.left_out}


def show(found: Read, told: Sequence[Told]) -> None:
    """A table of the series for each machine, and beneath it what stepped."""
    machine = dict.fromkeys(each.series.key["machine"] for each in told)
    for key in machine:
        mine = [each for each in told if each.series.key["machine"] == key]
        say(f"machine {key}: {mine[0].series.machine_name}")
        lines = [_row(each) for each in mine]
        # speeds have no protocol, and scores no A/A floor
        head = [name for name in lines[0] if any(line[name] for line in lines)]
        shown(head, [[line[name] for name in head] for line in lines])
        for each in mine:
            for one in each.steps:
                say(f"step: {each.name}: {each.step(one)}")
        print()
    say(f"{found.runs} runs, {len(told)} series. A step takes a dozen runs to show.")
    for line in found.left_out:
        say(f"left out: {shortened(line, 400)}", file=sys.stderr)


def _row(told: Told) -> dict[str, str]:
    series = told.series
    key, values = series.key, series.values
    return {
        "model": key["model"],
        "backend": key["backend"],
        "metric": key["metric"],
        "what": told.what,
        "how": told.how,
        "protocol": key["protocol_hash"],
        "recipe": key["setup"],
        "runs": str(len(values)),
        "first": number(values[0]),
        "last": number(values[-1]),
        "range": f"{number(min(values))} to {number(max(values))}",
        "unit": series.unit,
        "A/A": percent(series.floor) if series.floor is not None else "",
        "steps": str(len(told.steps)),
    }

"""The points of a sweep as a table: a row for each point, backend and model, figures beside it.

A figure is a number or it is not there; how a cell has ended stands in a column of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import singledispatch
from pathlib import Path
from typing import Any

from bench import records
from bench.data.formats import places, sheet
from bench.records import (
    Evaluation,
    Exam,
    Feasibility,
    Parity,
    Record,
    Throughput,
    Training,
)
from bench.sweep.index import Line
from bench.sweep.lots import Lot
from bench.sweep.points import Points
from models.errors import shortened
from reports import blocks, markdown
from reports.numbers import count, number
from reports.verdict import void

Figures = Mapping[str, float | None]
Key = tuple[str, str, str]  # run folder, backend, model
OK = "ok"


@dataclass
class Row:
    """What there is of one point, backend and model."""

    figures: dict[str, float | None] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)  # by task

    @property
    def status(self) -> str:
        """`ok`, or the cells that are not."""
        wrong = [f"{t} {s}" for t, s in self.statuses.items() if s != OK]
        return "; ".join(wrong).replace("_", " ") or OK


@dataclass
class Rows:
    """All rows, by point in the order of the grid."""

    chosen: dict[str, dict[str, Any]]  # by run folder
    rows: dict[Key, Row] = field(default_factory=dict)

    @classmethod
    def of(cls, points: Points, plan: Sequence[Lot]) -> Rows:
        """The rows of a plan, of which nothing is known yet."""
        found = {lot.run: lot.place for lot in plan}
        return cls({run: points.grid.at(found[run]) for run in sorted(found)})

    def read(self, folder: Path) -> None:
        """What has been found before."""
        for run in self.chosen:
            if (folder / run / "run.json").exists():
                found = records.read(folder / run)
                if found.broken:
                    records.mend(folder / run)
                for record in found.records:
                    self.add(run, record)

    def holds(self, line: Line) -> bool:
        """Whether the record is there that a line of the index tells of."""
        row = self.rows.get((line.run, line.backend, line.model))
        return row is not None and line.task in row.statuses

    @property
    def known(self) -> int:
        """Cells that have a record."""
        return sum(len(row.statuses) for row in self.rows.values())

    def add(self, run: str, record: Record) -> None:
        """What one cell has found."""
        row = self.rows.setdefault((run, record.backend, record.model), Row())
        row.statuses[record.task] = record.status
        row.figures |= figures(record.payload)

    def write(self, folder: Path) -> None:
        """`summary.md` and `summary.csv`."""
        head, lines = self.told()
        page = [dict(zip(head, line, strict=True)) for line in lines]
        # what people have called their files is text, whatever it looks like
        text = markdown.page([blocks.table(page)])
        with places.writing(folder / "summary.md"):
            (folder / "summary.md").write_text(text, encoding="utf-8")
        found = self.documents()
        with (
            places.writing(folder / "summary.csv"),
            (folder / "summary.csv").open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, list(found[0]) if found else [])
            writer.writeheader()
            for one in found:
                writer.writerow(
                    {name: sheet.cell(value) for name, value in one.items()}
                )

    def told(self) -> tuple[list[str], list[list[str]]]:
        """Titles, and the rows in words."""
        named = self._figures()
        found = self.documents()
        lines = []
        for one in found:
            lines.append([_said(value, name in named) for name, value in one.items()])
        return (list(found[0]) if found else ["point"]), lines

    def documents(self) -> list[dict[str, Any]]:
        """The rows for a program: numbers as they are, None where there is none."""
        named = self._figures()
        # points that are listed, and not made of axes, may choose different ones
        settings = dict.fromkeys(name for each in self.chosen.values() for name in each)
        found = []
        for (run, backend, model), row in sorted(self.rows.items()):
            # a cell about the data alone has no figure of a model
            if not backend and row.status == OK:
                continue
            chosen = {name: self.chosen[run].get(name) for name in settings}
            about = {"point": run, **chosen, "backend": backend, "model": model}
            values = {name: row.figures.get(name) for name in named}
            found.append(about | values | {"status": row.status})
        return found

    def _figures(self) -> list[str]:
        """Those that any row has, in the order in which they came."""
        names = (name for row in self.rows.values() for name in row.figures)
        return list(dict.fromkeys(names))


def _said(value: Any, is_figure: bool) -> str:
    if not is_figure:
        return shortened(value)
    return count(value) if isinstance(value, int) else number(value)


@singledispatch
def figures(payload: object) -> Figures:
    """The numbers of a cell that are held against those of others."""
    return {}


@figures.register
def _feasibility(payload: Feasibility) -> Figures:
    return {"parameters": payload.parameters}


@figures.register
def _exam(payload: Exam) -> Figures:
    passed = sum(row.result == "passed" for row in payload.rows)
    return {"exam passed": passed, "exam asked": len(payload.rows)}


@figures.register
def _parity(payload: Parity) -> Figures:
    held = sum(check.ok for check in payload.checks)
    return {"parity held": held, "parity asked": len(payload.checks)}


@figures.register
def _training(payload: Training) -> Figures:
    return {"steps": payload.steps, "train s": payload.train_seconds}


@figures.register
def _evaluation(payload: Evaluation) -> Figures:
    unit = payload.metrics[0].unit if payload.guesses else "mm"
    return {f"{payload.headline} {unit}": payload.headlined(payload.metrics)}


@figures.register
def _throughput(payload: Throughput) -> Figures:
    found: dict[str, float | None] = {}
    for row in payload.timings:
        name = f"{row.title}, frames/s".replace("_", " ")
        # a rate that does not count is none
        found[name] = None if void(payload) or row.fault else row.frames_per_second
    return found

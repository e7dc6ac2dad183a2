"""Places that somebody named, as points: run folders, and files of pytest-benchmark."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import records
from bench.history import from_pytest, kinds
from bench.history.machines import machine
from bench.history.point import Point
from bench.records import Record, Run
from models.errors import BadInput

DUE = "give run folders, folders of them, or JSON files of pytest-benchmark"


@dataclass
class Read:
    """All points, by their time, and in a line each what could not be read."""

    points: list[Point] = field(default_factory=list)
    runs: int = 0
    left_out: list[str] = field(default_factory=list)


def read(places: Sequence[Path]) -> Read:
    """Every number of some places.

    A run that cannot be read is left out and told where it was found in a folder, so that it costs
    no other its place. Raises BadInput for one that was named, and for a place that holds no run.
    """
    found = Read()
    seen: set[Path] = set()
    for place in places:
        inside = [place] if place.is_file() else _runs(place)
        for folder in inside:
            # one place may hold another
            if (whole := folder.resolve()) in seen:
                continue
            seen.add(whole)
            try:
                _take(folder, found)
            except BadInput as error:
                if folder == place:
                    raise
                found.left_out.append(str(error))
    found.points.sort(key=lambda point: (point.started, point.run))
    return found


def _runs(place: Path) -> list[Path]:
    """The run folders of a place, as those of a sweep lie in it. Raises BadInput for none."""
    if not place.is_dir():
        raise BadInput(f"{place}: nothing is there; {DUE}")
    found = []
    for folder, inside, files in os.walk(place):
        if "run.json" in files:
            found.append(Path(folder))
            inside.clear()  # no run lies in another
        else:
            inside.sort()
    if not found:
        raise BadInput(f"{place} holds no run: no run.json at any depth; {DUE}")
    return found


def _take(place: Path, found: Read) -> None:
    if place.is_file():
        found.points += from_pytest.read(place)
        found.runs += 1
        return
    run = records.read(place, tasks=kinds.tasks())
    found.runs += 1
    if run.broken:
        lines = ", ".join(map(str, run.broken))
        found.left_out.append(
            f"{place / records.FILE}: line {lines} cannot be read; the others count"
        )
    for record in run.records:
        found.points += _points(record, run)


def _points(record: Record, run: Run) -> Iterator[Point]:
    where = machine(run.info.environment)
    versions = [f"{name} {number}" for name, number in record.versions.items()]
    for one in kinds.measured(record, run.info):
        yield Point(
            **vars(one),
            task=record.task,
            model=record.model,
            backend=record.backend,
            device=record.actual_device or record.device,
            precision=record.actual_precision or record.precision,
            machine=where.key,
            machine_name=where.name,
            run=run.info.id,
            started=run.info.started,
            commit=run.info.commit or "",
            versions=", ".join(versions),
            preset=str(record.config.get("preset", "")),
            source=str(run.folder),
        )

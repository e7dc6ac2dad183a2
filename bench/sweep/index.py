"""Which cells of a sweep have ended, and how: a line for each, in one file of its folder.

The records are in the run folders of the points; a line is written after its record, so that
what the index has is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.records import Frozen, Status, append_lines, whole_lines

FILE = "cells.jsonl"
# answers, and nothing that another attempt would change
SETTLED = ("ok", "unsupported", "not_measured")


class Line(Frozen):
    """One end of one cell."""

    key: str
    run: str  # name of the run folder that has the record
    task: str
    backend: str = ""
    model: str = ""
    device: str
    precision: str
    status: Status
    reason: str = ""
    seconds: float | None = None
    # the host was too noisy for its timings, and may be quiet another time
    void: bool = False
    attempt: int  # from 1


@dataclass
class Known:
    """The last end of a cell."""

    run: str
    status: Status
    attempt: int
    void: bool = False

    @property
    def settled(self) -> bool:
        """Whether it has its answer."""
        return self.status in SETTLED and not self.void


@dataclass
class Index:
    """The cells of a sweep that have ended, by key."""

    folder: Path
    cells: dict[str, Known] = field(default_factory=dict)

    def add(self, lines: Sequence[Line]) -> None:
        """Write down how cells have ended."""
        append_lines(self.folder / FILE, [line.model_dump_json() for line in lines])
        for line in lines:
            self.cells[line.key] = Known(line.run, line.status, line.attempt, line.void)

    def is_done(self, key: str, attempts: int) -> bool:
        """Whether nothing is left to be done for a cell: answered, or tried too often."""
        known = self.cells.get(key)
        return known is not None and (known.settled or known.attempt >= attempts)


def read(folder: Path, holds: Callable[[Line], bool] = lambda line: True) -> Index:
    """The index of a sweep's folder; a line that cannot be read is of a cell that is done again.

    So is one whose record is gone: `holds` says whether it is there.
    """
    index = Index(folder)
    there = {place.parent.name for place in folder.glob("*/run.json")}
    for _, text in whole_lines(folder / FILE):
        try:
            line = Line.model_validate_json(text)
        except ValueError:
            continue
        # of a folder that was taken away nothing is left but the line
        if line.run not in there or not holds(line):
            continue
        index.cells[line.key] = Known(line.run, line.status, line.attempt, line.void)
    return index

"""What it takes to do without an op: its way round beside its kernel, timed in turns."""

from __future__ import annotations

from pathlib import Path

from bench.records import Detour, Detours, Run
from reports import cells
from reports.blocks import Block, Code, Row, table, text
from reports.numbers import count, milliseconds
from reports.proposals.detour import longer

AFTER = ("ports",)
TITLE = "Ways round, timed"
ABOUT = (
    "The largest call of each op in a train graph, forward and alone, by its kernel and by the"
    " way round that proposals name: medians in ms, and of the ratio of each round the median"
    " with its 95 % interval."
)


def render(run: Run, figures: Path) -> list[Block]:
    """A row for each op, model and backend; nothing where nothing was timed."""
    rows = [
        cells.columns(record) | _row(row)
        for record, payload in cells.payloads(run.records, Detours)
        for row in payload.rows
    ]
    return [text(ABOUT), table(rows)] if rows else []


def _row(row: Detour) -> Row:
    shapes = ", ".join(map(str, row.shapes))
    found: Row = {"Op": Code(row.op), "Reads": shapes, "Calls": count(row.count)}
    if row.ratio is not None:
        found |= {
            "Kernel, ms": milliseconds(row.kernel),
            "Way round, ms": milliseconds(row.route),
            "Times as long": longer(row),
        }
    return found | {"Note": row.note or "none"}

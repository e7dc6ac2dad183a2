"""Which variant of an operation each backend computes, where that was probed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.records import Run, Semantics, SemanticsRow
from reports import cells
from reports.blocks import Block, Code, Heading, Row, table
from reports.numbers import count

AFTER = ("third_party",)
TITLE = "Probed semantics"
SHOWN = ("differs", "gap", "open", "refused", "not_measured")


def render(run: Run, figures: Path) -> list[Block]:
    """Counts, then what is not as the language has it; nothing where nothing was probed."""
    found = cells.payloads(run.records, Semantics)
    if not found:
        return []
    page: list[Block] = [
        table(
            cells.columns(record) | _counts(payload.rows) for record, payload in found
        )
    ]
    for record, payload in found:
        rows = [_line(row) for row in payload.rows if row.result in SHOWN]
        page += [Heading(f"Not as declared on {cells.label(record)}"), table(rows)]
    return page


def _counts(rows: Sequence[SemanticsRow]) -> Row:
    tally = dict.fromkeys(("agrees", *SHOWN), 0)
    for row in rows:
        tally[row.result] += 1
    return {name.replace("_", " ").capitalize(): count(n) for name, n in tally.items()}


def _line(row: SemanticsRow) -> Row:
    return {
        "Probe": Code(row.probe),
        "About": row.about,
        "Declared": row.declared or "open",
        "Probed": " or ".join(row.probed) or "none",
        "Result": row.result.replace("_", " "),
        "Note": row.note or "none",
    }

"""For which Python and platform there are wheels: declared, or those that are installed here."""

from __future__ import annotations

from pathlib import Path

from bench.records import Feasibility, Run
from reports import cells
from reports.blocks import Block, Code, Row, table, text

AFTER = ("ports",)
TITLE = "Build"
ABOUT = (
    "Declared: a manifest says which wheels there are. Installed: the one that this machine"
    " took, as its own file WHEEL says; of others nothing is known. Import time, size,"
    " conflicts and orders of imports: "
)


def render(run: Run, figures: Path) -> list[Block]:
    """A row for each distribution and Python; nothing where no wheel is known of any."""
    rows: dict[str, list[Row]] = {}
    for record, payload in cells.payloads(run.records, Feasibility):
        # the same in the cell of each model
        rows.setdefault(record.backend, _rows(record.backend, payload))
    told = [row for of in rows.values() for row in of]
    if not told:
        return []
    return [table(told), text(ABOUT, Code("python -m bench backends build NAME"), ".")]


def _rows(backend: str, payload: Feasibility) -> list[Row]:
    if payload.wheels is None:
        return []
    grade = "declared" if payload.grade == "declared" else "installed"
    return [
        {
            "Backend": Code(backend),
            "Distribution": Code(name),
            "Python": python,
            "Platforms": ", ".join(platforms) or "none",
            "Grade": grade,
        }
        for name, of in payload.wheels.items()
        for python, platforms in (of or {"any": ()}).items()
    ]

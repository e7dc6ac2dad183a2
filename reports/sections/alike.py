"""Trainings of one model beside each other: what lies between backends, and what chance does."""

from __future__ import annotations

from pathlib import Path

from bench.records import Again, Record, Run, Training
from reports import cells, verdict
from reports.blocks import Block, Code, Row, table, text
from reports.numbers import count, number, percent
from reports.verdict import alike

AFTER = ("training",)
TITLE = "Trained alike"

LEGEND = (
    "Backends start from the same weights and see the same batches; noise and rounding are"
    " their own. The reference trains again from the same start with other batches and noise"
    f" (A/A): {alike.RANGES:g} times the range of its errors, and {100 * alike.FLOOR:g} % at"
    " least, is what chance may do. Errors are MPJPE (mm) on the poses that validate the"
    " training."
)


def render(run: Run, figures: Path) -> list[Block]:
    """The reference's trainings with other draws, then each training beside another's."""
    trained = [
        (record, payload)
        for record, payload in cells.payloads(run.records, Training)
        if record.status == "ok"
    ]
    rows = [row for pair in trained if (row := beside(run, *pair))]
    again = [
        (record, payload)
        for record, payload in cells.payloads(run.records, Again)
        if payload.seeds
    ]
    if not rows and not again:
        return [text("No two backends trained one model here: not measured.")]
    page: list[Block] = [text(LEGEND)]
    if again:
        drawn = [with_other_draws(record, payload) for record, payload in again]
        page.append(table(drawn, caption="The reference with other draws"))
    if rows:
        page.append(table(rows, caption="Each training beside another of its budget"))
    return page


def with_other_draws(record: Record, payload: Again) -> Row:
    """The A/A trainings of one model."""
    row = cells.columns(record)
    row["Status"] = record.status
    row["Steps"] = count(payload.steps)
    for seed, score in zip(payload.seeds, payload.scores, strict=True):
        row[f"Draws of seed {seed} (mm)"] = number(score)
    return row | {"All together (s)": number(payload.seconds)}


def beside(run: Run, record: Record, payload: Training) -> Row:
    """One training beside the reference's; empty where there is none."""
    found = verdict.compared(run, record, payload)
    if found is None:
        return {}
    inside = "yes" if found.inside else "no"
    return cells.columns(record) | {
        "Error (mm)": number(found.score),
        "Beside": Code(found.against),
        "Its error (mm)": number(found.due),
        "Worse by": percent(found.apart),
        "Chance may do": percent(found.band),
        "Measured": "yes" if found.again else "no, its floor",
        "Inside": f"{inside} ({found.batches})" if found.batches else inside,
    }

"""What the run does not know: cells that ended badly, tasks never tried, devices and
precisions never run.
"""

from __future__ import annotations

from pathlib import Path

from bench.records import Record, Run
from reports import cells
from reports.blocks import Block, Code, Inline, bullets, table, text
from reports.numbers import number

ORDER = 80
TITLE = "What was not measured, and why"

TASKS = ("feasibility", "parity", "train", "evaluate", "throughput")
DEVICES = ("cpu", "cuda", "mps")
PRECISIONS = ("fp32", "bf16", "fp16")


def render(run: Run, figures: Path) -> list[Block]:
    """Cells that are not ok, then what no cell was about."""
    bad = [record for record in run.records if record.status != "ok"]
    page: list[Block] = (
        [table(map(row, bad), caption="Cells that did not end ok")] if bad else []
    )
    if not run.records:
        page.append(text("Nothing was measured: the run holds no record."))
    elif not bad:
        page.append(text("Every cell of this run ended ok."))
    items = list(never(run))
    return (
        [*page, text("Never run here, so nothing above speaks about it:"), bullets(items)]
        if items
        else page
    )


def row(record: Record) -> dict[str, Inline]:
    """One cell and why it has no number, or none that counts."""
    elsewhere = record.actual_device is not None and record.actual_device != record.device
    return {
        "Task": record.task,
        "Model": Code(record.model) if record.model else "none",
        "Backend": Code(record.backend),
        "Device": Code(
            f"{record.device}, ran on {record.actual_device}"
            if elsewhere
            else record.device
        ),
        "Precision": Code(record.precision),
        "Status": record.status.replace("_", " "),
        "Reason": record.reason or "no reason given",
        "After (s)": number(record.seconds),
    }


def never(run: Run) -> list[tuple[Inline, ...]]:
    """Tasks, devices and precisions that no record is about."""
    items: list[tuple[Inline, ...]] = []
    for backend in cells.backends(run):
        items += [
            (Code(task), " of ", Code(model), " on ", Code(backend))
            for model in cells.models(run, backend)
            for task in TASKS
            if not tried(run, backend, model, task)
        ]
        if not tried(run, backend, "", "shape_ops"):
            items.append(("the op exam of ", Code(backend)))
    items += [
        ("device ", Code(name))
        for name in DEVICES
        if name not in {cells.device(record) for record in run.records}
    ]
    return items + [
        ("precision ", Code(name))
        for name in PRECISIONS
        if name not in {record.precision for record in run.records}
    ]


def tried(run: Run, backend: str, model: str, task: str) -> bool:
    """Whether a record exists, however it ended; those that ended badly are in the table."""
    return any(
        (record.backend, record.model, record.task) == (backend, model, task)
        for record in run.records
    )

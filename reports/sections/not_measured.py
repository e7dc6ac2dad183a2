"""What the run does not know: cells that ended badly, and what no cell was about."""

from __future__ import annotations

from pathlib import Path

from bench.records import Parity, Record, Run, Throughput
from reports import cells, verdict
from reports.blocks import Block, Code, Inline, Row, bullets, table, text
from reports.numbers import number

AFTER = ("throughput", "seeds")
TITLE = "What was not measured, and why"

# What a reader expects of every model, and on which hardware. Not all that there is: the
# third-party exam and a comparison are asked for by name.
TASKS = ("feasibility", "parity", "train", "evaluate", "throughput")
DEVICES = ("cpu", "cuda", "mps")
PRECISIONS = ("fp32", "bf16", "fp16")


def render(run: Run, figures: Path) -> list[Block]:
    """Cells that are not ok, then what no cell was about."""
    page: list[Block] = [ended_badly(run)]
    missing = never(run)
    if missing:
        said = "Never run here, so nothing above speaks about it:"
        page += [text(said), bullets(missing)]
    return page


def ended_badly(run: Run) -> Block:
    """The cells that did not end ok, or a line that there is none."""
    if not run.records:
        return text("Nothing was measured: the run holds no record.")
    bad = [record for record in run.records if record.status != "ok"]
    if not bad:
        return text("Every cell of this run ended ok.")
    return table(map(row, bad), caption="Cells that did not end ok")


def row(record: Record) -> Row:
    """One cell and why it has no number, or none that counts."""
    where = record.device
    if record.actual_device not in (None, record.device):
        where += f", ran on {record.actual_device}"
    return {
        "Task": record.task,
        "Model": named(record.model),
        "Backend": named(record.backend),
        "Device": Code(where),
        "Precision": Code(record.precision),
        "Status": record.status.replace("_", " "),
        "Reason": record.reason or "no reason given",
        # How long it took to fail: a crash at once and one after an hour differ.
        "After (s)": number(record.seconds),
    }


def named(name: str) -> Inline:
    """A model or backend, or that the cell was about none."""
    return Code(name) if name else "none"


def never(run: Run) -> list[tuple[Inline, ...]]:
    """Tasks, devices and precisions that no record is about."""
    items: list[tuple[Inline, ...]] = []
    for backend in cells.backends(run):
        for model in cells.models(run, backend):
            items += [
                (Code(task), " of ", Code(model), " on ", Code(backend))
                for task in TASKS
                if not tried(run, backend, model, task)
            ]
            items += [
                ("speed of ", Code(model), " on ", Code(backend), f": {why}")
                for _, payload in cells.payloads(
                    cells.of_model(run, backend, model), Throughput
                )
                if (why := verdict.void(payload))
            ]
        if not tried(run, backend, "", "shape_ops"):
            items.append(("the op exam of ", Code(backend)))
    # What is about the data alone says nothing of a device, though its record names one.
    asked = [record for record in run.records if record.backend]
    # of whichever of several: cuda:1 is one of them
    devices = {cells.device(record).partition(":")[0] for record in asked}
    precisions = {record.precision for record in asked}
    # A run in a half climbs the ladder in full precision, too.
    for _, payload in cells.payloads(asked, Parity):
        precisions.update(payload.precisions)
        precisions.update(check.precision for check in payload.checks)
    items += [("device ", Code(name)) for name in DEVICES if name not in devices]
    items += [
        ("precision ", Code(name)) for name in PRECISIONS if name not in precisions
    ]
    return items


def tried(run: Run, backend: str, model: str, task: str) -> bool:
    """Whether a record exists, however it ended; those that ended badly are in the table."""
    here = cells.of_model(run, backend, model)
    return any(record.task == task for record in here)

"""Backends beside each other: a row for each model and quantity, a column for each backend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.records import Evaluation, Record, Run
from reports import batches, cells, glance
from reports.blocks import Block, Code, Row, table, text
from reports.numbers import number

AFTER = ("summary",)
TITLE = "Backends side by side"

MPJPE = "MPJPE after training (mm)"
SECONDS = "training (s)"
TRAINED = (MPJPE, SECONDS)
# Each from the records of one model on one backend; the order is that of the rows.
QUANTITIES: dict[str, Callable[[list[Record]], float | None]] = {
    "parity: worst error ÷ bound": glance.budget,
    "parity: largest shift (mm)": glance.drift,
    MPJPE: glance.accuracy,
    SECONDS: glance.training,
    "forward (frames/s, best)": lambda records: glance.fastest(records, "forward"),
    "training step (frames/s, best)": lambda records: glance.fastest(
        records, "train_step"
    ),
}


def render(run: Run, figures: Path) -> list[Block]:
    """The table; nothing where there is one backend only."""
    backends = cells.backends(run)
    if len(backends) < 2:
        said = (
            "This run is about one backend; give --backend more than once to compare."
        )
        return [text(said)]
    # A model that one backend alone was asked about has its row too, and gaps in it.
    models = dict.fromkeys(
        model for backend in backends for model in cells.models(run, backend)
    )
    asked = quantities(run)
    rows = [
        row(run, model, quantity, backends) for model in models for quantity in asked
    ]
    caption = (
        "Each column is a process of its own; speeds were taken in turns while all workers"
        " were alive"
    )
    return [table(rows, caption=caption)]


def quantities(run: Run) -> list[str]:
    """What may be compared: accuracy only where all of it is of one protocol."""
    evaluations = cells.payloads(run.records, Evaluation)
    protocols = {payload.protocol_hash for _, payload in evaluations}
    return [name for name in QUANTITIES if name != MPJPE or len(protocols) == 1]


def row(run: Run, model: str, quantity: str, backends: list[str]) -> Row:
    """One quantity of one model on all backends."""
    measure = QUANTITIES[quantity]
    cell: Row = {"Model": Code(model), "Quantity": quantity}
    # what a training gave and what it took; other quantities know no batch of it
    marks = batches.marks(run, model) if quantity in TRAINED else {}
    for backend in backends:
        told = number(measure(cells.of_model(run, backend, model)))
        mark = marks.get(backend)
        cell[backend] = f"{told} ({mark})" if mark else told
    return cell

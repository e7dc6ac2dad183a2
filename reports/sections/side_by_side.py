"""Backends beside each other: one row for each model and quantity, one column for each
backend.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bench.records import Evaluation, Parity, Record, Run, Throughput, Training
from reports import cells, verdict
from reports.blocks import Block, Code, Inline, table, text
from reports.numbers import number

ORDER = 15
TITLE = "Backends side by side"
MPJPE = "MPJPE after training (mm)"


def render(run: Run, figures: Path) -> list[Block]:
    """The table; nothing where there is one backend only."""
    backends = cells.backends(run)
    if len(backends) < 2:
        return [
            text("This run is about one backend; give --backend more than once to compare.")
        ]
    models = dict.fromkeys(
        model for backend in backends for model in cells.models(run, backend)
    )
    hashes = {
        payload.protocol_hash for _, payload in cells.payloads(run.records, Evaluation)
    }
    # protocols never share a column
    asked = [quantity for quantity in QUANTITIES if quantity != MPJPE or len(hashes) == 1]
    rows = [row(run, model, quantity, backends) for model in models for quantity in asked]
    return [
        table(
            rows,
            caption=(
                "Each column is a process of its own; speeds were taken in turns while all"
                " workers were alive"
            ),
        )
    ]


def row(run: Run, model: str, quantity: str, backends: list[str]) -> dict[str, Inline]:
    """One quantity of one model on all backends."""
    found = {
        backend: number(
            QUANTITIES[quantity](
                [r for r in run.records if (r.backend, r.model) == (backend, model)]
            )
        )
        for backend in backends
    }
    return {"Model": Code(model), "Quantity": quantity, **found}


def drift(records: list[Record]) -> float | None:
    """Largest joint displacement against the oracle."""
    shifts = [
        check.millimetres
        for _, ladder in cells.payloads(records, Parity)
        for check in ladder.checks
    ]
    return max((shift for shift in shifts if shift is not None), default=None)


def budget(records: list[Record]) -> float | None:
    """The error nearest to its bound, or furthest above it."""
    checks = [
        check for _, ladder in cells.payloads(records, Parity) for check in ladder.checks
    ]
    return max(
        (
            check.error / check.bound
            for check in checks
            if check.error is not None and check.bound > 0
        ),
        default=None,
    )


def accuracy(records: list[Record]) -> float | None:
    """Frame-wise MPJPE after training."""
    return next(
        (
            cells.frame_wise(payload.metrics, "MPJPE")
            for _, payload in cells.payloads(records, Evaluation)
        ),
        None,
    )


def training(records: list[Record]) -> float | None:
    """Wall time of the whole training."""
    return next(
        (payload.train_seconds for _, payload in cells.payloads(records, Training)), None
    )


def fastest(what: str) -> Callable[[list[Record]], float | None]:
    """Most frames per second of the timings that count."""

    def rate(records: list[Record]) -> float | None:
        timings = [
            timing
            for _, payload in cells.payloads(records, Throughput)
            for timing in payload.timings
        ]
        rates = [
            timing.frames_per_second
            for timing in timings
            if timing.what == what and not verdict.fault(timing)
        ]
        return max((value for value in rates if value is not None), default=None)

    return rate


QUANTITIES: dict[str, Callable[[list[Record]], float | None]] = {
    "parity: worst error ÷ bound": budget,
    "parity: largest shift (mm)": drift,
    MPJPE: accuracy,
    "training (s)": training,
    "forward (frames/s, best)": fastest("forward"),
    "training step (frames/s, best)": fastest("train_step"),
}

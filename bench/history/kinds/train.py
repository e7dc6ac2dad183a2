"""What a training cost, and the loss and error that it ended with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.history.kinds._recipe import recipe
from bench.history.point import Measured
from bench.records import Record, RunInfo, Training


def measured(record: Record, run: RunInfo) -> Iterator[Measured]:
    """Its seconds and rate, the last loss, the last error on the poses that validate it."""
    trained = record.payload
    assert isinstance(trained, Training)
    setup = recipe(record, run)
    rate = trained.frames_per_second
    numbers = (
        ("train_seconds", trained.train_seconds, "s"),
        ("train_frames_per_second", rate, "frames/s"),
        ("loss", _last(trained.loss), ""),
        ("validation", _last(trained.validation_mpjpe), trained.validation_unit),
    )
    for metric, value, unit in numbers:
        if value is None:
            continue
        yield Measured(
            metric=metric,
            value=value,
            unit=unit,
            better="higher" if metric.endswith("_per_second") else "lower",
            samples=trained.steps,
            batch=trained.batch,
            protocol_hash=trained.protocol_hash,
            setup=setup,
        )


def _last(values: Sequence[float | None]) -> float | None:
    return values[-1] if values else None

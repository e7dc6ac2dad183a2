"""What one model came to on one backend, a number each: for tables of many models.

Every function takes the records of that model there, and is None where none has the number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from bench.records import Check, Evaluation, Parity, Record, Throughput, Training
from reports import cells, verdict


def checks(records: Iterable[Record]) -> list[Check]:
    """All parity checks, of every device and precision."""
    ladders = cells.payloads(records, Parity)
    return [check for _, payload in ladders for check in payload.checks]


def budget(records: Iterable[Record]) -> float | None:
    """The error nearest to its bound, or furthest above it, as a part of the bound."""
    ratios = [cells.ratio(check) for check in checks(records)]
    return max((ratio for ratio in ratios if ratio is not None), default=None)


def drift(records: Iterable[Record]) -> float | None:
    """How far any error moves a joint from where the oracle has it (mm)."""
    # A check of a loss or a gradient is of no pose, and moves nothing.
    shifts = [check.millimetres for check in checks(records)]
    return max((shift for shift in shifts if shift is not None), default=None)


def evaluation(records: Iterable[Record]) -> Evaluation | None:
    """The evaluation of the model after training."""
    # The first: a second one is of another precision or device, and has its own table.
    return next((payload for _, payload in cells.payloads(records, Evaluation)), None)


def accuracy(records: Iterable[Record]) -> float | None:
    """Frame-wise MPJPE after training (mm)."""
    found = evaluation(records)
    return cells.frame_wise(found.metrics, "MPJPE") if found else None


def training(records: Iterable[Record]) -> float | None:
    """Wall time of the whole training (s)."""
    trained = cells.payloads(records, Training)
    return next((payload.train_seconds for _, payload in trained), None)


def fastest(
    records: Iterable[Record], what: Literal["forward", "train_step"]
) -> float | None:
    """Most frames per second over all batch sizes, of the timings that count."""
    measured = [payload for _, payload in cells.payloads(records, Throughput)]
    # On a noisy host none does, be it ever so steady.
    sound = [payload for payload in measured if not verdict.void(payload)]
    timings = [timing for payload in sound for timing in payload.timings]
    rates = [
        timing.frames_per_second
        for timing in timings
        # A number that a lie detector refused is often the highest of all.
        if timing.what == what and not timing.fault
    ]
    return max((rate for rate in rates if rate is not None), default=None)

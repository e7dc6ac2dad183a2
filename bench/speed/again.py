"""What was timed in several processes, one after the other, as one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.coordinator.job import Ending, worst
from bench.records import Record, Throughput, Timing
from bench.speed import timing

Size = tuple[str, int, int | None, str]
SIGNS = ("drift", "calibration_drift", "others", "output_error")  # the worst counts


def joined(records: Sequence[Record]) -> Record:
    """The records of one cell as one: timings that all of them have, with the rounds of all.

    One that has no timings at all stands for them: something has ended it.
    """
    first = records[0]
    found: list[Throughput] = []
    for record in records:
        if not isinstance(record.payload, Throughput):
            return record
        found.append(record.payload)
    if len(found) == 1:
        return first
    endings: set[Ending] = {record.status for record in records}  # type: ignore[misc]
    reasons = dict.fromkeys(record.reason for record in records if record.reason)
    return first.model_copy(
        update={
            "status": worst(endings),
            "reason": "; ".join(reasons),
            "seconds": sum(record.seconds or 0.0 for record in records),
            "payload": _payload(found),
        }
    )


def _payload(found: Sequence[Throughput]) -> Throughput:
    first = found[0]
    by_size = [{_size(row): row for row in each.timings} for each in found]
    rows = [
        _timing([each[_size(row)] for each in by_size])
        for row in first.timings
        if all(_size(row) in each for each in by_size)
    ]
    left_out: dict[str, str] = {}
    for each in found:
        left_out |= each.left_out
    return first.model_copy(
        update={
            "timings": tuple(rows),
            "noise_floor": _most(rows, "noise_floor"),
            "left_out": left_out,
        }
    )


def _size(row: Timing) -> Size:
    return row.what, row.batch, row.window, row.mode


def _timing(rows: Sequence[Timing]) -> Timing:
    """One timing of all; one that is void in one process is void."""
    first = rows[0]
    told = _signs(rows)
    void = next((row for row in rows if row.seconds is None or not row.rounds), None)
    if void:
        return void.model_copy(update=told)
    middles = [float(np.median(row.rounds)) for row in rows]
    seconds, low, high = timing.of_processes(middles)
    rates = ("frames_per_second", "poses_per_second")
    told |= {
        "seconds": seconds,
        "low": low,
        "high": high,
        "p95": max(row.p95 for row in rows if row.p95 is not None),
        "rounds": tuple(one for row in rows for one in row.rounds),
        "parts": tuple(len(row.rounds) for row in rows),
    }
    for name in rates:
        rate = getattr(first, name)
        told[name] = rate and first.seconds and rate * first.seconds / seconds
    return first.model_copy(update=told)


def _signs(rows: Sequence[Timing]) -> dict[str, Any]:
    """What speaks against a timing, as any of the processes has it."""
    spans = [row.span for row in rows if row.span]
    unchecked: dict[str, str] = {}
    for row in rows:
        unchecked |= row.unchecked
    signs: Mapping[str, Any] = {name: _most(rows, name) for name in SIGNS}
    return {
        **signs,
        "noise_floor": _floor(rows),
        "samples": sum(row.samples for row in rows),
        "steady": all(row.steady for row in rows),
        "span": (spans[0][0], spans[-1][1]) if spans else None,
        "lies": tuple(dict.fromkeys(lie for row in rows for lie in row.lies)),
        "doubts": tuple(dict.fromkeys(doubt for row in rows for doubt in row.doubts)),
        "unchecked": unchecked,
    }


def _most(rows: Sequence[Timing], name: str) -> float | None:
    known = [value for row in rows if (value := getattr(row, name)) is not None]
    return max(known, key=abs, default=None)


def _floor(rows: Sequence[Timing]) -> float | None:
    """The A/A floor of the mean of them: that of one, by the root of their number."""
    known = [row.noise_floor for row in rows if row.noise_floor is not None]
    return float(np.sqrt(np.mean(np.square(known)) / len(known))) if known else None

"""What sections and verdict ask of a run's records: which are about what, and their names.

A record without a backend is about the data, one without a model about a backend alone:
neither is ever listed under an empty name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from bench.records import (
    Baseline,
    Baselines,
    Check,
    Evaluation,
    Feasibility,
    Frozen,
    Metric,
    OpNeed,
    Record,
    Run,
)
from reports.blocks import Code, Row

P = TypeVar("P", bound=Frozen)


def payloads(records: Iterable[Record], kind: type[P]) -> list[tuple[Record, P]]:
    """The records that hold numbers of one kind.

    An `invalid` record has numbers of something else than was asked: left out.
    """
    return [
        (record, record.payload)
        for record in records
        if isinstance(record.payload, kind) and record.status != "invalid"
    ]


def of_model(run: Run, backend: str, model: str) -> list[Record]:
    """The records of one model on one backend, of every device and precision."""
    about = (backend, model)
    return [record for record in run.records if (record.backend, record.model) == about]


def backends(run: Run) -> list[str]:
    """Backends of the run, in order of first record."""
    # A dict, not a set: it keeps the order, and with it the report the same each time.
    names = dict.fromkeys(record.backend for record in run.records)
    return [name for name in names if name]


def models(run: Run, backend: str) -> list[str]:
    """Models that the run tried on a backend, in order of first record."""
    here = [record for record in run.records if record.backend == backend]
    names = dict.fromkeys(record.model for record in here)
    return [name for name in names if name]


def device(record: Record) -> str:
    """Where it really ran.

    A record that is `invalid`, or that never ran, is about the device that was asked for.
    """
    if record.status == "invalid":
        return record.device
    return record.actual_device or record.device


def spot(record: Record) -> str:
    """Device and precision in two words."""
    return f"{device(record)} {record.precision}"


def label(record: Record) -> str:
    """A short name for a legend: model and backend, then what is not as usual."""
    parts = [record.model, record.backend]
    # Nearly every record is of the CPU in fp32: to say it each time would fill the legends.
    if device(record) != "cpu":
        parts.append(device(record))
    if record.precision != "fp32":
        parts.append(record.precision)
    return " · ".join(part for part in parts if part)


def columns(record: Record) -> Row:
    """The columns that say which cell a row is about."""
    about = {"Model": record.model, "Backend": record.backend, "On": spot(record)}
    return {title: Code(value) for title, value in about.items() if value}


def slug(*parts: str) -> str:
    """A file name from names people chose: letters, digits and dashes only."""
    # Also what keeps "../.." of a backend's or protocol's name inside the figures folder.
    plain = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts))
    return plain.strip("-").lower() or "unnamed"


def figure_name(what: str, record: Record) -> str:
    """The file of a figure about one record."""
    # All that makes a cell but its task: no two records of a task share a figure.
    cell = (record.backend, record.model, device(record), record.precision)
    return f"{slug(what, *cell)}.png"


def needs(payload: Feasibility) -> list[OpNeed]:
    """What a model needs over all of its graphs; an op that both use stands there twice."""
    return [need for ops in payload.graph_ops.values() for need in ops]


def ratio(check: Check) -> float | None:
    """Error as a part of its bound; None without an error or a bound to divide by."""
    # A bound of 0 asks for exact agreement, and no ratio says how far that was missed.
    if check.error is None or check.bound <= 0:
        return None
    return check.error / check.bound


def metric(metrics: Iterable[Metric], name: str) -> Metric | None:
    """The metric of that name, if it was taken."""
    return next((found for found in metrics if found.name == name), None)


def frame_wise(metrics: Iterable[Metric], name: str) -> float | None:
    """Mean over all test frames of the metric of that name, if it was taken."""
    found = metric(metrics, name)
    return found.frame_wise if found else None


def baselines_of(run: Run, protocol_hash: str) -> tuple[Baseline, ...]:
    """The trivial predictors that whatever was judged under a protocol is read beside.

    The one place that knows where a run keeps them.
    """
    return tuple(
        base
        for _, payload in payloads(run.records, Baselines)
        # A run that was resumed with another protocol keeps what it had under the first.
        if payload.protocol_hash == protocol_hash
        for base in payload.baselines
    )


def measured(payload: Evaluation) -> tuple[str, str]:
    """Name and unit of the error that a model is held to: MPJPE, or that of what it hides."""
    if not payload.guesses:
        return "MPJPE", "mm"
    return payload.metrics[0].name, payload.metrics[0].unit


def best_baseline(
    baselines: Iterable[Baseline], what: str = "MPJPE"
) -> tuple[str, float] | None:
    """Name and error of the best trivial predictor, if any was measured."""
    scores = [(one.name, frame_wise(one.metrics, what)) for one in baselines]
    known = [(name, score) for name, score in scores if score is not None]
    # min() keeps the first of equals, so the order in the record decides between them.
    return min(known, key=lambda pair: pair[1]) if known else None

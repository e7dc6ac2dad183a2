"""Which records a section speaks about, and what it calls them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from bench.records import (
    Comparison,
    Evaluation,
    Exam,
    Feasibility,
    Metric,
    Parity,
    Record,
    Run,
    ThirdParty,
    Throughput,
    Training,
)
from reports.blocks import Code, Inline

P = TypeVar(
    "P", Parity, Comparison, Exam, ThirdParty, Training, Evaluation, Throughput, Feasibility
)


def payloads(records: Iterable[Record], kind: type[P]) -> list[tuple[Record, P]]:
    """The records that hold numbers of one kind.

    An `invalid` record has numbers of something else than was asked: left out.
    """
    return [
        (record, record.payload)
        for record in records
        if isinstance(record.payload, kind) and record.status != "invalid"
    ]


def device(record: Record) -> str:
    """Where it really ran; a record that is `invalid`, or that never ran, is about the
    device that was asked for.
    """
    return (
        record.device
        if record.status == "invalid"
        else record.actual_device or record.device
    )


def label(record: Record) -> str:
    """A short name for a legend: model and backend, then device and precision where they
    are not the usual ones.
    """
    extra = [device(record)] if device(record) != "cpu" else []
    extra += [record.precision] if record.precision != "fp32" else []
    return " · ".join([part for part in (record.model, record.backend) if part] + extra)


def columns(record: Record) -> dict[str, Inline]:
    """The columns that say which cell a row is about."""
    about = {"Model": record.model, "Backend": record.backend, "On": spot(record)}
    return {title: Code(value) for title, value in about.items() if value}


def spot(record: Record) -> str:
    """Device and precision in two words."""
    return f"{device(record)} {record.precision}"


def slug(*parts: str) -> str:
    """A file name from names people chose: letters, digits and dashes only."""
    return re.sub(r"[^A-Za-z0-9]+", "-", "-".join(parts)).strip("-").lower() or "unnamed"


def figure_name(what: str, record: Record) -> str:
    """The file of a figure about one record."""
    return (
        f"{slug(what, record.backend, record.model, device(record), record.precision)}.png"
    )


def backends(run: Run) -> list[str]:
    """Backends of the run, in order of first record."""
    return list(dict.fromkeys(record.backend for record in run.records))


def models(run: Run, backend: str) -> list[str]:
    """Models that the run tried on a backend, in order of first record."""
    return list(
        dict.fromkeys(
            record.model
            for record in run.records
            if record.backend == backend and record.model
        )
    )


def metric(metrics: Iterable[Metric], name: str) -> Metric | None:
    """The metric of that name, if it was taken."""
    return next((found for found in metrics if found.name == name), None)


def frame_wise(metrics: Iterable[Metric], name: str) -> float | None:
    """Mean over all test frames of the metric of that name, if it was taken."""
    found = metric(metrics, name)
    return found.frame_wise if found else None


def best_baseline(evaluation: Evaluation) -> tuple[str, float] | None:
    """Name and MPJPE in millimetres of the best trivial predictor, if any was measured."""
    scores = [
        (baseline.name, frame_wise(baseline.metrics, "MPJPE"))
        for baseline in evaluation.baselines
    ]
    known = [(name, score) for name, score in scores if score is not None]
    return min(known, key=lambda pair: pair[1]) if known else None

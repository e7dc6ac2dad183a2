"""Tables of scores beside the headline: after alignment, and joint by joint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from bench.commands._tables import table
from bench.records import Baselines, Evaluation, Metric, Record, Scored

More = Callable[[Sequence[Record]], None]  # a table more, of the records of a run
Row = tuple[str, Scored, tuple[Metric, ...]]
ALIGNED = "PA-MPJPE"
NONE = "not measured"


def procrustes(records: Sequence[Record]) -> None:
    """The headline of each model and baseline, and its error after similarity alignment."""
    rows = [
        (
            name,
            payload.headline,
            _said(payload.headlined(metrics)),
            _said(_aligned(payload, metrics)),
            f"{payload.protocol} {payload.protocol_hash}",
        )
        for name, payload, metrics in _rows(records)
    ]
    table(("scored", "headline", "mm", f"{ALIGNED} mm", "protocol"), rows)


def per_joint(records: Sequence[Record]) -> None:
    """MPJPE of each joint, mm: a row for a joint, a column for a model or baseline."""
    found = {
        name: next(metric.per_joint for metric in metrics if metric.name == "MPJPE")
        for name, _, metrics in _rows(records)
        if any(metric.name == "MPJPE" for metric in metrics)
    }
    joints = dict.fromkeys(joint for errors in found.values() for joint in errors)
    rows = [
        (joint, *(_said(errors.get(joint)) for errors in found.values()))
        for joint in joints
    ]
    table(("joint, mm", *found), rows)


def _rows(records: Iterable[Record]) -> Iterator[Row]:
    """Each model that was scored, and each baseline; a masked model has no such scores."""
    for record in records:
        payload = record.payload
        if isinstance(payload, Baselines):
            for base in payload.baselines:
                yield base.name, payload, base.metrics
        elif isinstance(payload, Evaluation) and not payload.guesses:
            yield f"{record.model} on {record.backend}", payload, payload.metrics


def _aligned(payload: Scored, metrics: tuple[Metric, ...]) -> float | None:
    """By the same mean as the headline."""
    return payload.model_copy(update={"headline": ALIGNED}).headlined(metrics)


def _said(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"

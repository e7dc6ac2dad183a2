"""How tests ask for a verdict: of records made by hand, of the good run with a change."""

from __future__ import annotations

from pathlib import Path

from bench.records import Payload, Record, Run
from reports import verdict
from reports.verdict import Verdict
from tests.reports import sample_run as sample


def verdicts(items: list[Record], **config: object) -> list[Verdict]:
    """What is said of records; the first is about their backend, the next about a model."""
    # No section is rendered, so no folder is needed.
    info = sample.info(config={"profile": "smoke", **config})
    run = Run(info=info, records=tuple(items), folder=Path("nowhere"))
    return verdict.verdicts(run)


def of(items: list[Record], backend: str, **config: object) -> Verdict:
    """What is said of the one model of a backend."""
    found = [item for item in verdicts(items, **config) if item.model]
    return next(item for item in found if item.backend == backend)


def without(task: str) -> list[Record]:
    """The good run less one task."""
    return [item for item in sample.good() if item.task != task]


def instead(payload: Payload, **change: object) -> list[Record]:
    """The good run with another payload for one task."""
    model = "" if payload.task == "shape_ops" else "simple_baseline"
    return [*without(payload.task), sample.record(payload, model=model, **change)]


def beside(*more: Record) -> list[Record]:
    """The good run and further records."""
    return [*sample.good(), *more]


def dead(task: str, status: str, **change: object) -> Record:
    """A cell that ended without numbers."""
    return sample.record(None, task=task, status=status, reason="signal 11", **change)


def died(task: str, status: str) -> list[Record]:
    """The good run with one task that ended without numbers."""
    return [*without(task), dead(task, status)]


def told(item: Verdict, words: str) -> list[str | None]:
    """The answers of the reasons that hold these words."""
    return [reason.answer for reason in item.reasons if words in reason.text]

"""The cell that an audit is asked in, with few clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backends.base import Backend
from bench import config as configs
from bench.audit import catalogue, task
from bench.coordinator.job import Job
from bench.records import AuditRow


def job(backend: str, folder: Path, **asked: Any) -> Job:
    """As `python -m bench audit` makes it."""
    options = {"tasks": ["audit"], "backend": [backend], "small": 0.05, **asked}
    config = configs.load(
        profile="smoke", file=None, overrides=[], options=options, models=[]
    )
    return Job(task="audit", backend=backend, model="", config=config, folder=folder)


def rows_of(
    backend: Backend, folder: Path, names: Sequence[str]
) -> dict[str, AuditRow]:
    """The rows of some faults and their controls, by name."""
    asked = [catalogue.table()[name] for name in names]
    found = task.audit(job(backend.name, folder), backend, asked, quiet)
    return {row.fault: row for row in found}


def quiet(text: str, share: float) -> None:
    """Nobody listens."""

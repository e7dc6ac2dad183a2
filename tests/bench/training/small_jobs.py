"""A training small enough for a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends.base import Backend
from bench.config import Config, Model, Train
from bench.coordinator.job import Job
from bench.data import protocols
from bench.records import Training
from bench.training import task as train

PROTOCOL = protocols.load("synthetic")
# no dropout, so that a run can be repeated bit by bit
TINY = {"width": 16, "stages": 1, "dropout": 0.0}


def make_job(
    folder: Path,
    backend: Backend,
    *,
    task: str = "train",
    augment: Path | None = None,
    **settings: Any,
) -> Job:
    """A cell; `settings` are those of the training."""
    given = {
        "steps": 60,
        "batch": 16,
        "validate_every": 25,
        "validation_windows": 64,
        "lr": 0.01,
    }
    model = Model(sizes=TINY, train=Train.model_validate(given | settings))
    config = Config(
        small=0.05,
        model={"simple_baseline": model},
        device="cpu",
        threads=1,
        augment=augment,
    )
    return Job(
        task=task,
        backend=backend.name,
        model="simple_baseline",
        config=config,
        folder=folder,
    )


def run(job: Job, backend: Backend) -> Training:
    """A training that ends well."""
    finding = train.run(job, backend, "cpu", lambda text, share: None)
    assert finding.status == "ok", finding.reason
    assert isinstance(finding.payload, Training)
    return finding.payload

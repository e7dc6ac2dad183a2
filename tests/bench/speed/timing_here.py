"""A cell of `throughput`, timed in this process with a backend that a test has made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backends.numpy.backend import NumpyBackend
from bench import config as configs
from bench.coordinator.job import Finding, Job
from bench.speed import task


def timed(backend: NumpyBackend, sizes: dict[str, Any], **throughput: Any) -> Finding:
    """What comes of simple_baseline of these sizes; `throughput` is how it is timed."""
    content = {
        "model": {"simple_baseline": {"sizes": sizes}},
        "throughput": {"rounds": 3, **throughput},
    }
    job = Job(
        task="throughput",
        backend="numpy",
        model="simple_baseline",
        config=configs.validate(content),
        folder=Path(),
    )
    return task.run(job, backend, "cpu", lambda text, share: None)

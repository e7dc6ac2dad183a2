"""A training that kills itself by SIGKILL.

`python -m tests.bench.training.killed BACKEND FOLDER PLACE`
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import safetensors.numpy

import backends
from backends.base import Backend
from bench.coordinator.job import Job
from bench.training import task as train
from bench.training.loop import Loop
from bench.training.validation import Validation
from tests.bench.training.small_jobs import make_job

PLACES = ("step", "write", "validation")


def job_of(folder: Path, backend: Backend) -> Job:
    """A small training with all that a checkpoint has to hold: noise, statistics, means."""
    job = make_job(folder, backend, average=0.9, keep={"best": True})
    # NumPy draws no noise
    dropout = 0.0 if backend.name == "numpy" else 0.25
    sizes = {**job.settings.sizes, "dropout": dropout}
    model = job.settings.model_copy(update={"sizes": sizes})
    config = job.config.model_copy(update={"model": {job.model: model}})
    return job.model_copy(update={"config": config})


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def in_step() -> None:
    """In the thirteenth step after the first checkpoint."""
    one = Loop._one

    def killed(self: Loop, batches: Any) -> Any:
        done = one(self, batches)
        if self.step == 38:
            kill()
        return done

    Loop._one = killed  # type: ignore[method-assign]


def in_write() -> None:
    """When half of a checkpoint is written."""
    save = safetensors.numpy.save_file

    def killed(arrays: Any, draft: Path, **more: Any) -> None:
        save(arrays, draft, **more)
        draft.write_bytes(draft.read_bytes()[: draft.stat().st_size // 2])
        kill()

    safetensors.numpy.save_file = killed


def in_validation() -> None:
    """Before it has a number."""
    killed: Any = lambda self, params: kill()  # noqa: E731
    Validation.error = killed  # type: ignore[method-assign]


def main(name: str, folder: str, place: str) -> None:
    backend = backends.load(name)
    {"step": in_step, "write": in_write, "validation": in_validation}[place]()
    train.run(job_of(Path(folder), backend), backend, "cpu", lambda text, share: None)


if __name__ == "__main__":
    main(*sys.argv[1:])

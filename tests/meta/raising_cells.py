"""Small cells of a backend with a fault, as a worker runs them, and what their records must say."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench import config as configs
from bench.config import Config
from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.processes import child
from bench.records import Record
from tests.meta.raising import NAME, Fault, register

MODEL = "simple_baseline"
CONTENT: dict[str, Any] = {
    "model": {
        MODEL: {
            # no dropout: the oracle is fed its noise, and trains no model that draws some
            "sizes": {"width": 8, "stages": 1, "dropout": 0.0},
            "train": {
                "steps": 6,
                "batch": 8,
                "validate_every": 3,
                "validation_windows": 16,
                "lr": 0.01,
            },
        }
    },
    "small": 0.05,
    "device": "cpu",
    "threads": 1,
    "ops": ["add", "gelu"],
    "exam": {
        "modes": ["customary"],
        "dtypes": ["float32"],
        "cases": 2,
        "variants": "first",
        "generated": 0,
    },
    "parity": {"batch": 4, "frames": 5, "steps": 2, "optimizers": ["sgd"]},
    "throughput": {"batches": [2], "rounds": 3, "seconds": 0.001, "train_batch": 2},
}
TASKS = ("feasibility", "shape_ops", "parity", "train", "evaluate", "throughput")
# where a method is called by another one of the contract, that one is what the harness called
WITHIN = {
    "Program.__init__": ("Backend.program", "Backend.trainer"),
    "Program.load": ("Trainer.step", "Trainer.apply", "Trainer.load_state"),
    "Program.params": ("Trainer.step", "Trainer.apply"),
    "Program.run": ("Trainer.step", "Trainer.gradients"),
    "Trainer.gradients": ("Trainer.step",),
    "Trainer.apply": ("Trainer.step",),
}


def prepared(folder: Path) -> Path:
    """A run folder with its data, and a trained model."""
    dataset.ensure(config(), folder)
    with pytest.MonkeyPatch.context() as patch:
        assert serve(patch, "train", folder, never()).status == "ok"
    return folder


def config(**more: Any) -> Config:
    return configs.validate({**CONTENT, **more})


def never(method: str = "Program.put") -> Fault:
    """A fault that is not reached."""
    return Fault(method, call=10**9)


def job(task: str, folder: Path, backend: str = NAME, **more: Any) -> Job:
    model = "" if task == "shape_ops" else MODEL
    asked = config(**more)
    return Job(task=task, backend=backend, model=model, config=asked, folder=folder)


def serve(
    patch: pytest.MonkeyPatch, task: str, folder: Path, fault: Fault, **more: Any
) -> Record:
    """A record as a worker makes it, in this process."""
    register(patch, fault)
    with contextlib.redirect_stderr(io.StringIO()):  # tracebacks, which nobody reads
        return child.serve(job(task, folder, **more), io.StringIO())


def untrained(home: Path, folder: Path) -> Path:
    """A folder of its own with the data alone: a training that has ended asks nothing more."""
    shutil.copy(home / "data.cache", folder)
    return folder


def raised(fault: Fault, what: str = "Planted: boom") -> str:
    """What a record must hold, as a pattern."""
    names = [fault.method, *WITHIN.get(fault.method, ())]
    methods = "|".join(f"Numpy{name}" for name in names).replace(".", r"\.")
    return rf"({methods}) raised {re.escape(what)} \(\w+\.py:\d+\)"


def assert_told(record: Record, said: str) -> None:
    """The record fails, says it, and its reason is one line."""
    assert record.status == "failed", record.reason
    assert record.reason.isprintable() and record.reason
    told = record.reason + (record.payload.model_dump_json() if record.payload else "")
    assert re.search(said, told), record.reason

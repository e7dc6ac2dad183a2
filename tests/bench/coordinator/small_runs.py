"""A run small enough for a test, and a worker that answers from a list."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from typing import Any

from bench import config as configs
from bench.config import Config
from bench.coordinator.job import Job
from bench.records import Record

TINY = {"sizes": {"width": 16, "stages": 1, "dropout": 0.0}}


def tiny(**change: Any) -> Config:
    """A run of seconds, on one thread so that its numbers come again.

    `train` holds settings of the training; everything else is the configuration's.
    """
    settings = {
        "steps": 40,
        "batch": 16,
        "validate_every": 10,
        "validation_windows": 64,
        **change.pop("train", {}),
    }
    model = {"simple_baseline": {**TINY, "train": settings}}
    return configs.validate(
        {"small": 0.05, "device": "cpu", "threads": 1, "model": model, **change}
    )


def quiet(*anything: object) -> None:
    """Nobody listens."""


class Scripted:
    """A worker that answers from a list and notes what it was asked."""

    answers: dict[str, str] = {}
    asked: list[str] = []
    events: list[str] = []
    stopped: threading.Event

    def __init__(self, *, threads: int) -> None:
        self.events.append(f"start {threads}")

    def run(
        self,
        job: Job,
        listen: Callable[[str, float], None],
        *,
        timeout: float,
        turn: Callable[[], None],
    ) -> Record:
        self.asked.append(f"{job.task} {job.model}".strip())
        listen("at it", 0.5)
        status = self.answers.get(job.task, "ok")
        # in a thread of the crew: the main one is where Ctrl-C arrives
        if status == "ctrl-c":
            _thread.interrupt_main()
        if status in ("ctrl-c", "waits"):
            assert self.stopped.wait(30), "nobody asked it to stop"
        return Record.model_validate(
            {
                "task": job.task,
                "backend": job.backend,
                "model": job.model,
                "device": job.config.device,
                "status": status,
                "reason": status,
            }
        )

    def interrupt(self) -> None:
        self.events.append("interrupt")
        self.stopped.set()

    def kill(self) -> None:
        self.events.append("kill")
        self.stopped.set()

    def close(self) -> None:
        self.events.append("close")

"""Backends that are the oracle but for one thing, and ladders to put them on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from backends.base import Arrays, Feeds, Program, Settings, Trainer
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from backends.numpy.train import NumpyTrainer
from bench import config as configs
from bench.coordinator.job import Finding, Job
from bench.parity import task
from bench.records import Check, Parity
from models.graph import Graph
from models.optim import Optimizer

SIZES: dict[str, Any] = {"width": 16, "stages": 1, "dropout": 0.0}


class Wrong(NumpyBackend):
    """NumPy whose programs and trainers are of other classes."""

    def __init__(
        self,
        program: type[NumpyProgram] = NumpyProgram,
        trainer: type[NumpyTrainer] = NumpyTrainer,
    ) -> None:
        self._program = program
        self._trainer = trainer

    def program(self, graph: Graph, settings: Settings) -> Program:
        return self._program(graph, settings)

    def trainer(
        self, graph: Graph, optimizer: Optimizer, settings: Settings
    ) -> Trainer:
        return self._trainer(graph, optimizer, settings)


def climb(
    backend: NumpyBackend,
    folder: Path,
    *rungs: str,
    model: str = "simple_baseline",
    sizes: dict[str, Any] | None = None,
    **parity: Any,
) -> Finding:
    """The ladder of a small model, or some rungs of it."""
    asked = {"rungs": rungs, "batch": 8, "optimizers": ["adam"], "steps": 12, **parity}
    content = {
        "model": {
            model: {"preset": "tiny", "sizes": SIZES if sizes is None else sizes}
        },
        "parity": asked,
        "threads": 1,
    }
    job = Job(
        task="parity",
        backend="numpy",
        model=model,
        config=configs.validate(content),
        folder=folder,
    )
    return task.run(job, backend, "cpu", lambda *heard: None)


def red(finding: Finding) -> list[Check]:
    """The checks that failed."""
    assert isinstance(finding.payload, Parity)
    return [check for check in finding.payload.checks if not check.ok]


def program(**methods: Callable[..., Any]) -> type[NumpyProgram]:
    """A program with some methods replaced."""
    return type("WrongProgram", (NumpyProgram,), methods)


def trainer(**methods: Callable[..., Any]) -> type[NumpyTrainer]:
    """A trainer with some methods replaced."""
    return type("WrongTrainer", (NumpyTrainer,), methods)


__all__ = [
    "Arrays",
    "Feeds",
    "NumpyProgram",
    "NumpyTrainer",
    "Wrong",
    "climb",
    "np",
    "program",
    "red",
    "trainer",
]

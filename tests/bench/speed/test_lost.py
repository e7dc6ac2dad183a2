"""What cannot be timed costs no other its number, and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Program, Settings
from backends.numpy.backend import NumpyBackend
from backends.numpy.program import NumpyProgram
from bench import config as configs
from bench.coordinator.job import Finding, Job
from bench.records import Throughput
from bench.speed import task

BATCHES = (1, 3)
SIZES = {"width": 8, "stages": 1, "dropout": 0.0}


class Choosy(NumpyBackend):
    """Raises in `run` for some batches."""

    def __init__(self, error: BaseException, *batches: int) -> None:
        self.error = error
        self.batches = batches

    def program(self, graph: Any, settings: Settings) -> Program:
        program = NumpyProgram(graph, settings)
        run = program.run

        def choosy(feeds: Any) -> dict[str, Any]:
            if len(feeds["keypoints"]) in self.batches:
                raise self.error
            return run(feeds)

        program.run = choosy  # type: ignore[method-assign]
        return program


def timed(backend: NumpyBackend, *, train: bool = True) -> Finding:
    content = {
        "model": {"simple_baseline": {"sizes": SIZES}},
        "throughput": {
            "batches": BATCHES,
            "train": train,
            "rounds": 3,
            "seconds": 0.001,
        },
    }
    job = Job(
        task="throughput",
        backend="numpy",
        model="simple_baseline",
        config=configs.validate(content),
        folder=Path(),
    )
    return task.run(job, backend, "cpu", lambda text, share: None)


def kinds(finding: Finding) -> list[tuple[str, int]]:
    if finding.payload is None:
        return []
    assert isinstance(finding.payload, Throughput)
    return [(row.what, row.batch) for row in finding.payload.timings]


def test_a_batch_that_raises_leaves_the_others() -> None:
    found = timed(Choosy(ValueError("too many"), 3), train=False)
    assert (found.status, kinds(found)) == ("failed", [("forward", 1)])
    assert found.reason.startswith("forward at batch 3: ")
    assert "ValueError: too many (test_lost.py:" in found.reason


def test_a_trainer_that_is_not_there_leaves_the_forward_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no trainer")

    backend = Choosy(ValueError())
    monkeypatch.setattr(backend, "trainer", broken)
    found = timed(backend)
    assert (found.status, kinds(found)) == ("failed", [("forward", n) for n in BATCHES])
    assert found.reason.startswith("train_step at batch ")


def test_what_fails_everywhere_is_said_once() -> None:
    found = timed(Choosy(ValueError("never"), *BATCHES), train=False)
    assert (found.status, found.payload) == ("failed", None)
    said = "forward at batch 1 and forward at batch 3: "
    assert found.reason.startswith(said) and found.reason.count("never") == 1


@pytest.mark.parametrize(
    "full", [RuntimeError("CUDA out of memory. Tried to allocate"), MemoryError()]
)
def test_memory_that_is_full_at_one_batch_is_told_of_that_batch(
    full: Exception,
) -> None:
    found = timed(Choosy(full, 3), train=False)
    assert (found.status, kinds(found)) == ("out_of_memory", [("forward", 1)])


@pytest.mark.parametrize("spoilt", [lambda pose: pose * np.nan, lambda pose: pose * 0])
def test_outputs_that_are_no_numbers_or_stand_still_are_void(
    monkeypatch: pytest.MonkeyPatch, spoilt: Callable[[Any], Any]
) -> None:
    run = NumpyProgram.run

    def wrong(self: NumpyProgram, feeds: Any) -> dict[str, Any]:
        return {name: spoilt(value) for name, value in run(self, feeds).items()}

    monkeypatch.setattr(NumpyProgram, "run", wrong)
    found = timed(Choosy(ValueError()), train=False)
    assert found.status == "invalid"
    assert "changed inputs did not change the outputs" in found.reason

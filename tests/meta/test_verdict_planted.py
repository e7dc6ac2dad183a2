"""A training that goes wrong under a green ladder is seen by the verdict, and by nothing less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from bench.coordinator.job import Job
from bench.records import Payload, Record
from bench.training import task as train
from bench.training.again import task as again
from tests.bench.training.small_jobs import make_job
from tests.reports import sample_run as sample
from tests.reports.judged import of, told

BACKEND = backends.load("numpy")  # stands for both frameworks


def found(task: Any, job: Job) -> Payload:
    """What a task measures."""
    finding = task.run(job, BACKEND, "cpu", lambda text, share: None)
    assert finding.status == "ok", finding.reason
    payload: Payload = finding.payload
    return payload


def records(folder: Path, plant: Any, monkeypatch: pytest.MonkeyPatch) -> list[Record]:
    """torch trains rightly and again, jax with a fault; all else of both is well."""
    ours = make_job(folder / "torch", BACKEND)
    trained = found(train, ours)
    drawn = found(again, ours)
    make = type(BACKEND).trainer
    monkeypatch.setattr(
        type(BACKEND), "trainer", lambda self, *given: plant(make(self, *given))
    )
    faulty = found(train, make_job(folder / "jax", BACKEND))
    measured = [
        sample.record(trained),
        sample.record(drawn),
        sample.record(faulty, backend="jax"),
    ]
    rest = [item for item in sample.good() if item.task != "train"]
    others = [one.model_copy(update={"backend": "jax"}) for one in rest if one.backend]
    return [*rest, *others, *measured]


def honest(trainer: Any) -> Any:
    return trainer


def statistics_that_never_move(trainer: Any) -> Any:
    """The loss is right at every step: only inference reads what batch norm keeps."""
    step = trainer.step
    kept: dict[str, np.ndarray] = {}

    def stepping(feeds: Any) -> Any:
        params = trainer.program.params()
        if not kept:
            running = {name for name in params if "running" in name}
            kept.update({name: np.array(params[name]) for name in running})
        loss = step(feeds)
        trainer.program.load({**trainer.program.params(), **kept})
        return loss

    trainer.step = stepping
    return trainer


def a_rate_that_steps_leave_aside(trainer: Any) -> Any:
    step = trainer.step

    def stepping(*feeds: Any) -> Any:
        trainer.set_lr(1e-5)
        return step(*feeds)

    trainer.step = stepping
    return trainer


@pytest.mark.parametrize(
    ("plant", "answer"),
    [
        (honest, "yes"),
        (statistics_that_never_move, "no"),
        (a_rate_that_steps_leave_aside, "no"),
    ],
)
def test_a_training_that_goes_wrong_is_a_no(
    plant: Any, answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = records(tmp_path, plant, monkeypatch)
    verdict = of(items, "jax")
    assert (verdict.answer, verdict.answers["computes"]) == (answer, "yes")
    words = "inside the A/A band" if plant is honest else "far outside the A/A band"
    assert told(verdict, words) == [answer]
    # The reference is not accused of what the other does.
    assert of(items, "torch").answer == "yes"

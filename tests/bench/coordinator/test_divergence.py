"""A training whose loss stops being a number: its cell fails, its run goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Backend
from bench import records
from bench.coordinator import run as runs
from bench.coordinator.job import Job
from bench.evaluation import task as evaluate
from bench.records import Evaluation, Training
from bench.training import checkpoint
from bench.training import task as train
from tests.bench.coordinator.small_runs import quiet, tiny


def plant(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, *, step: int, loss: float | None
) -> None:
    """After `step` steps the weights are no numbers; that step's loss is `loss`, if any.

    None leaves the loss what it was: it is that of the weights before the step.
    """
    made: list[int] = []
    make = type(backend).trainer

    def broken(self: Backend, *args: Any) -> Any:
        trainer = make(self, *args)
        real = trainer.step

        def stepping(feeds: Any) -> Any:
            made.append(1)
            came = real(feeds)
            if len(made) < step:
                return came
            weights = trainer.program.params()
            spoilt = {name: np.full_like(weights[name], np.nan) for name in weights}
            trainer.program.load(spoilt)
            return came if loss is None else loss

        trainer.step = stepping
        return trainer

    monkeypatch.setattr(type(backend), "trainer", broken)


# validation and checkpoint at every tenth step, the loss read there and at every 25th
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("step", "loss", "reason", "kept"),
    [
        (18, float("nan"), "the loss became nan at step 18", 10),
        (30, float("inf"), "the loss became inf at step 30", 20),
        (20, None, "the validation error became nan at step 20", 10),
        (24, None, "the loss became nan at step 25", 20),
    ],
)
def test_a_loss_that_is_no_number_fails_with_its_step_and_keeps_the_last_good_checkpoint(
    tmp_path: Path,
    backend: Backend,
    step: int,
    loss: float | None,
    reason: str,
    kept: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = Job(
        task="train",
        backend=backend.name,
        model="simple_baseline",
        config=tiny(tasks=["train"]),
        folder=tmp_path,
    )
    with monkeypatch.context() as patch:
        plant(backend, patch, step=step, loss=loss)
        finding = train.run(job, backend, "cpu", quiet)
    assert finding.status == "failed"
    advice = f"the checkpoint of step {kept} is kept; lower the learning rate"
    assert finding.reason == f"{reason}; {advice}"
    found = checkpoint.load(job.checkpoint)
    assert found.progress["step"] == kept
    assert all(np.isfinite(array).all() for array in found.params.values())
    assert isinstance(finding.payload, Training)
    assert max(finding.payload.validation_steps) == kept
    scored = evaluate.run(job, backend, "cpu", quiet)
    # numbers of weights that are not the training's end are kept, and are none of the model's
    assert scored.status == "failed"
    said = f"checkpoint: weights after {kept} of 40 steps"
    assert scored.reason.startswith(said)
    assert isinstance(scored.payload, Evaluation)
    assert scored.payload.note == f"weights after {kept} steps"


def test_a_learning_rate_out_of_bounds_fails_the_cell_and_not_the_run(
    tmp_path: Path,
) -> None:
    config = tiny(tasks=["train", "evaluate"], train={"lr": 1e30, "optimizer": "sgd"})
    folder = runs.start(config, out=tmp_path, command="")
    outcome = runs.execute(folder, config, quiet, quiet)
    trained, evaluated = outcome.records
    assert trained.status == "failed"
    assert trained.reason.startswith("the loss became nan at step 2; ")
    assert trained.reason.endswith(
        "there is no checkpoint of it yet; lower the learning rate"
    )
    assert evaluated.status == "not_measured"
    assert outcome.failed == [trained]
    assert records.load(folder).info.finished

"""A training that goes on in another backend is the training that it would have been in one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend
from bench.coordinator.checking import check
from bench.coordinator.job import Job
from bench.parity import budget
from bench.records import Training
from bench.training import checkpoint
from bench.training import task as train
from bench.training.loop import Loop
from models.errors import BadInput
from tests.bench.training.small_jobs import make_job, run

NUMPY = backends.load("numpy")
STEPS, HALF = 40, 20


def half_of(folder: Path, backend: Backend, rule: str) -> Path:
    """The checkpoint in the middle of a training."""
    job = make_job(folder, backend, steps=STEPS, optimizer=rule, keep={"every": HALF})
    run(job, backend)
    return job.checkpoint.with_suffix(f".step-{HALF:06}.safetensors")


def rest_of(
    folder: Path, backend: Backend, rule: str, file: Path
) -> tuple[Job, Training]:
    job = make_job(
        folder, backend, steps=STEPS, optimizer=rule, start=file, continues=True
    )
    return job, run(job, backend)


@pytest.mark.parametrize("rule", ["adam", "sgd"])
@pytest.mark.parametrize("first", ["native", "numpy"])
def test_half_here_and_half_there_is_the_whole_of_the_oracle(
    first: str, rule: str, backend: Backend, tmp_path: Path
) -> None:
    one, other = (backend, NUMPY) if first == "native" else (NUMPY, backend)
    whole = make_job(tmp_path / "whole", NUMPY, steps=STEPS, optimizer=rule)
    due = run(whole, NUMPY)
    file = half_of(tmp_path / "half", one, rule)
    job, came = rest_of(tmp_path / "rest", other, rule, file)
    assert f"goes on from its step {HALF}, made on {one.name}" in came.note
    assert came.steps == STEPS
    bound = budget.FLOORS["trajectory"][0]
    assert came.validation_mpjpe == pytest.approx(due.validation_mpjpe, rel=bound)
    assert came.loss[-1] == pytest.approx(due.loss[-1], rel=bound)
    # Adam makes whole steps of what rounding leaves of a gradient that is none: that of a bias
    # before a batch norm, which takes it away again
    if rule == "adam":
        return
    weights, right = (checkpoint.load(one.checkpoint).params for one in (job, whole))
    for name, array in right.items():
        error = np.abs(weights[name] - array).max() / np.abs(array).max()
        assert error < bound, name


def test_on_the_same_backend_not_a_bit_differs(
    backend: Backend, tmp_path: Path
) -> None:
    whole = make_job(tmp_path / "whole", backend, steps=STEPS, optimizer="adam")
    run(whole, backend)
    file = half_of(tmp_path / "half", backend, "adam")
    job, _ = rest_of(tmp_path / "rest", backend, "adam", file)
    one, other = (checkpoint.load(each.checkpoint) for each in (whole, job))
    for group in ("params", "optimizer"):
        mine, yours = getattr(one, group), getattr(other, group)
        assert mine.keys() == yours.keys()
        for name in mine:
            np.testing.assert_array_equal(mine[name], yours[name], err_msg=name)
    # once more, of a training that is done: nothing is made again, and the file is no longer
    # looked at
    assert run(job, backend).steps == STEPS


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return half_of(tmp_path_factory.mktemp("half"), NUMPY, "adam")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": HALF}, "it is of step 20, and this training of 20"),
        ({"start": None}, "which checkpoint, `start` beside it says"),
    ],
    ids=["no step left", "no file"],
)
def test_what_cannot_be_gone_on_from_is_one_line_before_work(
    settings: dict[str, Any], said: str, file: Path, tmp_path: Path
) -> None:
    given = {"steps": STEPS, "start": file, "continues": True, **settings}
    job = make_job(tmp_path, NUMPY, **given)
    with pytest.raises(BadInput, match=said):
        check(job.config)


def test_a_checkpoint_of_another_spec_names_the_first_differences(
    file: Path, tmp_path: Path
) -> None:
    job = make_job(tmp_path, NUMPY, steps=STEPS, start=file, continues=True)
    model = job.settings.model_copy(update={"sizes": {"width": 24, "stages": 1}})
    config = job.config.model_copy(update={"model": {"simple_baseline": model}})
    with pytest.raises(BadInput, match=r"differences: .*has shape \(16.*has \(24"):
        check(config)


def test_another_optimizer_or_scaling_is_refused(file: Path, tmp_path: Path) -> None:
    given = {"steps": STEPS, "start": file, "continues": True}
    for more, said in (
        ({"optimizer": "adamw"}, "its optimizer is adam, and this training's adamw"),
        ({"inputs": "screen"}, "keypoints were scaled there"),
    ):
        job = make_job(tmp_path, NUMPY, **({"optimizer": "adam"} | given | more))
        with pytest.raises(BadInput, match=said):
            train.run(job, NUMPY, "cpu", lambda text, share: None)


def test_what_it_makes_of_the_file_is_not_taken_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = half_of(tmp_path / "half", NUMPY, "adam")
    take = Loop.take

    def slightly_off(self: Loop, found: checkpoint.Checkpoint) -> None:
        grown = {name: array * 1.5 for name, array in found.params.items()}
        take(self, replace(found, params=grown))

    monkeypatch.setattr(Loop, "take", slightly_off)
    job = make_job(
        tmp_path / "rest",
        NUMPY,
        steps=STEPS,
        optimizer="adam",
        start=file,
        continues=True,
    )
    finding = train.run(job, NUMPY, "cpu", lambda text, share: None)
    assert finding.status == "failed"
    assert finding.reason.startswith("replay: weights after steps 21 to 40")


def test_nothing_is_left_to_do_is_one_line(tmp_path: Path) -> None:
    file = half_of(tmp_path / "half", NUMPY, "adam")
    job = make_job(
        tmp_path, NUMPY, epochs=0.01, optimizer="adam", start=file, continues=True
    )
    with pytest.raises(BadInput, match="from step 20, and this training ends there"):
        train.run(job, NUMPY, "cpu", lambda text, share: None)


def test_its_clipping_and_its_rule_are_held_too(tmp_path: Path) -> None:
    file = half_of(tmp_path / "half", NUMPY, "adam")
    _, came = rest_of(tmp_path / "rest", NUMPY, "adam", file)
    names = {check.name for check in came.checks}
    assert "an update by the rule of adam" in names

"""Steps of several batches and clipped gradients, in a training, held against steps by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import backends
from backends.base import Backend
from backends.numpy.train import NumpyTrainer
from bench.records import Training
from bench.training import checkpoint
from bench.training import task as train
from models.optim import Optimizer
from tests.bench.training.small_jobs import make_job, run
from tests.bench.training.test_resume import Stop, stop_in_step, stoppable

ASKED: dict[str, Any] = {"accumulate": 3, "clip": {"norm": 0.05}, "optimizer": "sgd"}
QUICK: dict[str, Any] = {"steps": 6, "validate_every": 6}
__all__ = ("stoppable",)


def test_every_backend_accumulates_and_clips(tmp_path: Path, backend: Backend) -> None:
    found = run(make_job(tmp_path, backend, **ASKED, **QUICK), backend)
    assert (found.accumulate, found.optimizer["clip_norm"]) == (3, 0.05)
    assert found.epochs == pytest.approx(6 * 3 * 16 / found.train_windows)
    assert "a step of 3 batches by hand" in {check.name for check in found.checks}


def test_a_training_that_does_neither_makes_no_step_by_hand(
    tmp_path: Path,
) -> None:
    backend = backends.load("numpy")
    found = run(make_job(tmp_path, backend, **QUICK), backend)
    assert found.accumulate == 1
    assert not any("by hand" in check.name for check in found.checks)


def unclipped(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Optimizer, "clipped", lambda self, grads: dict(grads))


def summed(patch: pytest.MonkeyPatch) -> None:
    def step(self: NumpyTrainer, *batches: Any) -> Any:
        found = [self.gradients(feeds) for feeds in batches]
        names = found[0][1]
        self.apply({name: sum(grads[name] for _, grads in found) for name in names})
        return found[0][0]

    patch.setattr(NumpyTrainer, "step", step)


def last_alone(patch: pytest.MonkeyPatch) -> None:
    own = NumpyTrainer.step
    patch.setattr(NumpyTrainer, "step", lambda self, *batches: own(self, batches[-1]))


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        (unclipped, ASKED),
        (unclipped, {"clip": {"value": 1e-4}, "optimizer": "sgd"}),
        (summed, {"accumulate": 3, "optimizer": "sgd"}),
        (last_alone, ASKED),
    ],
)
def test_a_step_that_is_not_the_one_by_hand_fails(
    fault: Callable[[pytest.MonkeyPatch], None],
    asked: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = backends.load("numpy")
    fault(monkeypatch)
    job = make_job(tmp_path, backend, **asked, **QUICK)
    found = train.run(job, backend, "cpu", lambda text, share: None)
    assert found.status == "failed"
    assert "batches by hand" in found.reason


def test_an_accumulating_training_is_resumed_to_the_bit(
    tmp_path: Path,
    backend: Backend,
    stoppable: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = ASKED | {"steps": 9, "validate_every": 9}
    whole = make_job(tmp_path / "whole", backend, **asked)
    parts = make_job(tmp_path / "parts", backend, **asked)
    due = run(whole, backend)
    with monkeypatch.context() as patch:
        # in the second batch of the fifth step, which is finished
        stop_in_step(backend, 14, patch)
        with pytest.raises(Stop):
            train.run(parts, backend, "cpu", lambda text, share: None)
    assert checkpoint.load(parts.checkpoint).progress["step"] == 5
    came = run(parts, backend)
    assert isinstance(came, Training)
    assert came.validation_mpjpe == due.validation_mpjpe
    one, other = (checkpoint.load(job.checkpoint).params for job in (whole, parts))
    assert all((one[name] == other[name]).all() for name in one)

"""A training that is broken off and resumed ends as if nothing had been."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import backends
from backends.base import Backend
from bench.training import checkpoint
from bench.training import task as train
from tests.bench.training.small_jobs import make_job, run


class Stop(BaseException):
    """What a worker raises on SIGTERM."""


@pytest.fixture
def stoppable() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Stop

    before = signal.signal(signal.SIGTERM, stop)
    yield
    signal.signal(signal.SIGTERM, before)


def stop_in_step(
    backend: Backend, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM comes in the middle of a step.

    Its batch is drawn, its weights are not yet written.
    """
    steps = 0
    make = type(backend).trainer

    def trapped(self: Backend, *args: Any) -> Any:
        trainer = make(self, *args)
        put = trainer.program.put

        def stopping(arrays: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == number:
                signal.raise_signal(signal.SIGTERM)
            return put(arrays)

        trainer.program.put = stopping
        return trainer

    monkeypatch.setattr(type(backend), "trainer", trapped)


@pytest.mark.parametrize("rule", ["adam", "sgd"])
def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    tmp_path: Path,
    backend: Backend,
    rule: str,
    stoppable: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = make_job(tmp_path / "whole", backend, optimizer=rule)
    parts = make_job(tmp_path / "parts", backend, optimizer=rule)
    due = run(whole, backend)
    with monkeypatch.context() as patch:
        stop_in_step(backend, 38, patch)
        with pytest.raises(Stop):
            train.run(parts, backend, "cpu", lambda text, share: None)
    saved = checkpoint.load(parts.checkpoint)
    # the step under way is finished, and nothing more
    assert saved.progress["step"] == 38
    came = run(parts, backend)
    assert came.steps == due.steps == 60
    assert came.validation_mpjpe == due.validation_mpjpe
    assert came.loss_steps == (25, 38, 50, 60), "no loss is lost: the stop adds a point"
    one, other = checkpoint.load(whole.checkpoint), checkpoint.load(parts.checkpoint)
    for group in checkpoint.GROUPS:
        mine, yours = getattr(one, group), getattr(other, group)
        assert mine.keys() == yours.keys()
        for name in mine:
            said = f"{group} {name}"
            np.testing.assert_array_equal(mine[name], yours[name], err_msg=said)


@pytest.mark.parametrize(
    "steps", ["[rotate, occlude]", "[{speed: {low: 0.5, high: 2}}]"]
)
def test_augmented_training_is_drawn_from_the_seed_alone(
    tmp_path: Path, steps: str, stoppable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quicker motion has fewer windows, and its epochs are as long all the same."""
    backend, file = backends.load("numpy"), tmp_path / "steps.yaml"
    file.write_text(f"steps: {steps}")
    whole = make_job(tmp_path / "whole", backend, augment=file)
    parts = make_job(tmp_path / "parts", backend, augment=file)
    due = run(whole, backend)
    turned = "rotate (degrees 180.0), occlude (rate 0.5, seconds 0.4)"
    assert due.augmentation.startswith((turned, "speed (high 2.0, low 0.5)"))
    plain = run(make_job(tmp_path / "plain", backend), backend)
    assert plain.loss != due.loss
    assert plain.train_windows == due.train_windows
    with monkeypatch.context() as patch:
        stop_in_step(backend, 38, patch)
        with pytest.raises(Stop):
            train.run(parts, backend, "cpu", lambda text, share: None)
    assert run(parts, backend).validation_mpjpe == due.validation_mpjpe
    one, other = (checkpoint.load(job.checkpoint).params for job in (whole, parts))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_a_finished_training_is_not_done_again(
    tmp_path: Path, backend: Backend
) -> None:
    job = make_job(tmp_path, backend)
    first, again = run(job, backend), run(job, backend)
    # no part of it was made by this process, which says so among what it left out
    apart = {"checks": (), "left_out": {}}
    assert again.model_copy(update=apart) == first.model_copy(update=apart)
    assert all(check.ok for check in again.checks)


def test_a_checkpoint_of_another_configuration_is_not_gone_on_from(
    tmp_path: Path, backend: Backend
) -> None:
    run(make_job(tmp_path, backend), backend)
    fresh = run(make_job(tmp_path / "fresh", backend, lr=0.02), backend)
    over = run(make_job(tmp_path, backend, lr=0.02), backend)
    assert over.loss == fresh.loss and over.optimizer["lr"] == 0.02

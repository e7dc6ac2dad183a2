"""`gradient_checkpointing`: the same training, where the framework can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backends.base import Backend, Settings, Unsupported
from bench.training import checkpoint
from bench.training import task as train
from tests.bench.training.small_jobs import make_job, run
from tests.bench.training.test_resume import Stop, stop_in_step, stoppable

__all__ = ("stoppable",)
QUICK = {"steps": 12, "validate_every": 6}


def asked(backend: Backend) -> None:
    """Skip where the backend says that it cannot."""
    if backend.keeps:
        pytest.skip(f"{backend.name}: {backend.keeps}")


def test_a_training_that_makes_values_again_is_the_same(
    tmp_path: Path,
    backend: Backend,
    stoppable: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Broken off and resumed, too; a replay of its steps is among its checks."""
    asked(backend)
    plain = make_job(tmp_path / "plain", backend, **QUICK)
    again = make_job(tmp_path / "again", backend, gradient_checkpointing=True, **QUICK)
    due = run(plain, backend)
    with monkeypatch.context() as patch:
        stop_in_step(backend, 7, patch)
        with pytest.raises(Stop):
            train.run(again, backend, "cpu", lambda text, share: None)
    came = run(again, backend)
    assert came.validation_mpjpe == due.validation_mpjpe
    one, other = checkpoint.load(plain.checkpoint), checkpoint.load(again.checkpoint)
    assert one.params.keys() == other.params.keys()
    for name, array in one.params.items():
        np.testing.assert_array_equal(array, other.params[name], err_msg=name)


def test_the_trainer_is_asked_for_it(
    tmp_path: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(backend)
    seen = []
    make = type(backend).trainer

    def trainer(
        self: Backend, graph: object, rule: object, settings: Settings
    ) -> object:
        seen.append(settings.recompute)
        return make(self, graph, rule, settings)

    monkeypatch.setattr(type(backend), "trainer", trainer)
    run(make_job(tmp_path, backend, gradient_checkpointing=True, **QUICK), backend)
    # the loop's, and those of the steps that are made again
    assert len(seen) > 1
    assert all(seen)


def test_a_backend_that_cannot_says_so_before_data_are_read(
    tmp_path: Path, backend: Backend
) -> None:
    if not backend.keeps:
        pytest.skip(f"{backend.name} can")
    told = []
    job = make_job(tmp_path, backend, gradient_checkpointing=True)
    with pytest.raises(Unsupported, match="gradient checkpointing: ") as error:
        train.run(job, backend, "cpu", lambda text, share: told.append(text))
    assert str(error.value).startswith(f"{backend.name}: ")
    assert "\n" not in str(error.value)
    assert not told

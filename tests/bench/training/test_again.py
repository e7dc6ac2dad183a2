"""The reference trains again: another order and other noise, the same start and poses."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backends.base import Backend
from bench.coordinator.job import Finding, Job
from bench.records import Again
from bench.training.again import task as again
from bench.training.feed import feed_of
from bench.training.loop import Loop
from models import params as initial
from tests.bench.training.small_jobs import PROTOCOL, make_job, run


@pytest.fixture
def trained(tmp_path: Path, backend: Backend) -> Job:
    """A job whose training is done, and is now to be repeated."""
    job = make_job(tmp_path, backend)
    run(job, backend)
    return job.model_copy(update={"task": "train_again"})


def repeated(job: Job, backend: Backend, **change: Any) -> Finding:
    # one that others are held against
    both = (backend.name, "another")
    config = job.config.model_copy(update={"backend": both, **change})
    asked = job.model_copy(update={"config": config})
    return again.run(asked, backend, "cpu", lambda text, share: None)


def alone(job: Job, backend: Backend, *, seeds: int) -> Finding:
    update = {"backend": (backend.name,), "seeds": seeds}
    config = job.config.model_copy(update=update)
    asked = job.model_copy(update={"config": config})
    return again.run(asked, backend, "cpu", lambda text, share: None)


def scores(finding: Finding) -> tuple[float | None, ...]:
    assert finding.status == "ok", finding.reason
    assert isinstance(finding.payload, Again)
    return finding.payload.scores


def test_it_draws_anew_and_comes_out_near_and_the_same_each_time(
    trained: Job, backend: Backend, tmp_path: Path
) -> None:
    first = run(trained, backend)  # its checkpoint is the end: nothing is trained
    weights = trained.checkpoint.read_bytes()
    finding = repeated(trained, backend)
    payload = finding.payload
    assert isinstance(payload, Again)
    assert (payload.seeds, payload.steps, payload.batch) == ((1, 2), 60, 16)
    assert payload.protocol_hash == first.protocol_hash
    due = first.validation_mpjpe[-1]
    found = scores(finding)
    assert due is not None and None not in found
    assert len({due, *found}) == 3, "each has draws of its own"
    # 60 steps of 16 windows are far from where trainings meet: another start, or another
    # model's windows, would be off by more.
    assert all(abs(score / due - 1) < 0.3 for score in found if score is not None)
    assert scores(repeated(trained, backend)) == found
    # The weights that are evaluated are those of the first training, and no others are left.
    assert trained.checkpoint.read_bytes() == weights
    assert [path.name for path in trained.checkpoint.parent.iterdir()] == [
        trained.checkpoint.name
    ]


def test_with_the_draws_of_the_run_it_is_the_first_training_again(
    trained: Job, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Start, poses and budget are equal then: nothing but draws makes the difference."""
    first = run(trained, backend)
    make = again._again

    def same_draws(job: Job, *given: Any, seed: int, own: bool) -> Loop:
        return make(job, *given, seed=job.config.seed, own=own)

    monkeypatch.setattr(again, "_again", same_draws)
    due = first.validation_mpjpe[-1]
    found = scores(repeated(trained, backend, repeats=1))
    assert found[0] == pytest.approx(due, rel=1e-6)


def test_the_start_is_that_of_the_run_whatever_is_drawn_later(
    trained: Job, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[dict[str, np.ndarray]] = []
    go_on = Loop.run

    def noting(self: Loop, progress: Any) -> None:
        params = self.trainer.program.params()
        starts.append({name: np.array(array) for name, array in params.items()})
        go_on(self, progress)

    monkeypatch.setattr(Loop, "run", noting)
    repeated(trained, backend)
    one, other = starts
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_a_repeat_that_diverges_has_no_score_and_says_so(
    trained: Job, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = type(backend).trainer
    made = 0

    def bad(self: Backend, *given: Any) -> Any:
        nonlocal made
        made += 1
        trainer = make(self, *given)
        if made == 2:
            monkeypatch.setattr(trainer, "step", lambda feeds: float("nan"))
        return trainer

    monkeypatch.setattr(type(backend), "trainer", bad)
    finding = repeated(trained, backend)
    assert finding.status == "failed"
    assert finding.reason.startswith("with draws of seed 2: the loss became nan")
    assert isinstance(finding.payload, Again)
    kept, lost = finding.payload.scores
    assert kept is not None and lost is None


def test_without_a_training_there_is_nothing_to_repeat(
    tmp_path: Path, backend: Backend
) -> None:
    job = make_job(tmp_path, backend, task="train_again")
    finding = repeated(job, backend)
    assert (finding.status, finding.payload) == ("not_measured", None)
    assert "run the train task first" in finding.reason


def test_other_seeds_start_from_weights_of_their_own_on_any_backend(
    trained: Job, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[dict[str, np.ndarray]] = []
    go_on = Loop.run

    def noting(self: Loop, progress: Any) -> None:
        params = self.trainer.program.params()
        starts.append({name: np.array(array) for name, array in params.items()})
        assert self.validation.seed == trained.config.seed, "the poses of the first"
        go_on(self, progress)

    monkeypatch.setattr(Loop, "run", noting)
    weights = trained.checkpoint.read_bytes()
    # alone it is nobody's reference, and has no repeats from the same start
    finding = alone(trained, backend, seeds=3)
    payload = finding.payload
    assert isinstance(payload, Again)
    assert (payload.seeds, payload.scores) == ((), ())
    assert payload.own_seeds == (1, 2)
    assert len(set(payload.own_scores)) == 2 and None not in payload.own_scores
    for seed, start in zip((1, 2), starts, strict=True):
        graph = feed_of(trained, PROTOCOL).spec.train
        for name, array in initial.draw(graph.params, seed=seed).items():
            np.testing.assert_array_equal(start[name], array)
    assert trained.checkpoint.read_bytes() == weights
    assert list(trained.checkpoint.parent.iterdir()) == [trained.checkpoint]


class Stop(BaseException):
    """What a worker raises on SIGTERM."""


def test_an_interrupted_repeat_goes_on_where_it_was(
    trained: Job, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scores(repeated(trained, backend, repeats=1))

    def stop(number: int, frame: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGTERM, stop)
    one = Loop._one
    steps: list[int] = []

    def counted(self: Loop, batch: Any) -> Any:
        steps.append(self.step)
        if self.step == 30 and steps.count(30) == 1:
            signal.raise_signal(signal.SIGTERM)
        return one(self, batch)

    monkeypatch.setattr(Loop, "_one", counted)
    try:
        with pytest.raises(Stop):
            repeated(trained, backend, repeats=1)
    finally:
        signal.signal(signal.SIGTERM, before)
    steps.clear()
    assert scores(repeated(trained, backend, repeats=1)) == pytest.approx(
        whole, rel=1e-5
    )
    assert steps[0] == 31 and len(steps) == 29

"""Training: the schedule, what a record says, and that something is learnt."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from backends.base import Backend
from bench import config as configs
from bench.config import Model
from bench.coordinator.spec import build
from bench.evaluation import task as evaluate
from bench.evaluation.baselines import task as baselines
from bench.records import Baselines, Evaluation
from bench.training import checkpoint, schedules
from bench.training import task as train
from bench.training.schedules import Now
from tests.bench.training.small_jobs import PROTOCOL, TINY, make_job, run


def test_every_step_gets_its_learning_rate(
    tmp_path: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[float] = []
    make = type(backend).trainer

    def spying(self: Backend, *args: Any) -> Any:
        trainer = make(self, *args)
        set_lr = trainer.set_lr
        trainer.set_lr = lambda lr: (seen.append(lr), set_lr(lr))[0]
        return trainer

    monkeypatch.setattr(type(backend), "trainer", spying)
    run(make_job(tmp_path, backend, steps=7, lr=0.5), backend)
    # once in the training, and once where its steps are made again; then an update by the rule
    due = [0.5 * schedules.read(None).factor(Now(step, 7, 1, 0.0)) for step in range(7)]
    assert seen[:-1] == 2 * due


def test_something_is_learnt(tmp_path: Path, backend: Backend) -> None:
    job = make_job(tmp_path, backend, steps=400, validate_every=100)
    found = run(job, backend)
    assert found.steps == 400
    assert found.loss_steps == tuple(range(25, 401, 25))
    assert found.validation_steps == (100, 200, 300, 400)
    first, last = found.loss[0], found.loss[-1]
    assert first is not None
    assert last is not None
    assert last < 0.5 * first
    curve = [value or math.inf for value in found.validation_mpjpe]
    assert curve[-1] < curve[0]
    scored = evaluate.run(job, backend, "cpu", lambda text, share: None)
    assert scored.status == "ok"
    assert isinstance(scored.payload, Evaluation)
    beside = baselines.run(job, None, "cpu", lambda text, share: None).payload
    assert isinstance(beside, Baselines)
    model, mean_pose = scored.payload.metrics[0], beside.baselines[0]
    assert (model.name, mean_pose.name) == ("MPJPE", "mean pose")
    # a metric that was not measured, None, beats nothing
    assert (model.frame_wise or math.inf) < (mean_pose.metrics[0].frame_wise or 0)
    assert scored.payload.note == "weights after 400 steps"


def test_the_record_counts_right(tmp_path: Path, backend: Backend) -> None:
    found = run(make_job(tmp_path, backend, steps=10, batch=32), backend)
    assert found.epochs == pytest.approx(10 * 32 / found.train_windows)
    # total over total: a mean over the steps' rates would be another number
    rate = 10 * 32 / found.train_seconds
    assert found.frames_per_second == pytest.approx(rate)
    assert found.optimizer["rule"] == "adam"
    assert found.optimizer["lr"] == 0.01
    spec = build("simple_baseline", Model(sizes=TINY), PROTOCOL)
    assert found.parameters == spec.parameter_count()
    assert (tmp_path / found.checkpoint).exists()


def test_options_replace_the_recipe_and_the_recipe_fills_the_rest(
    tmp_path: Path, backend: Backend
) -> None:
    job = make_job(tmp_path, backend, lr=None)
    spec = build(job.model, job.settings, PROTOCOL)
    published = configs.trained(job.model, "paper")
    assert train.optimizer_of(job, spec).describe()["lr"] == published["lr"]
    options = {"lr": 0.3, "weight_decay": 0.2, "optimizer": "sgd"}
    given = train.optimizer_of(make_job(tmp_path, backend, **options), spec)
    assert (given.rule, given.lr, given.weight_decay) == ("sgd", 0.3, 0.2)


def test_scaling_travels_with_the_weights(tmp_path: Path, backend: Backend) -> None:
    scaled = make_job(tmp_path / "scaled", backend, steps=2)
    plain = make_job(tmp_path / "plain", backend, steps=2, inputs="screen")
    run(scaled, backend)
    run(plain, backend)
    assert sorted(checkpoint.load(scaled.checkpoint).scaling) == ["mean", "std"]
    assert checkpoint.load(plain.checkpoint).scaling == {}


def test_nothing_is_evaluated_before_it_is_trained(
    tmp_path: Path, backend: Backend
) -> None:
    job = make_job(tmp_path, backend, task="evaluate")
    finding = evaluate.run(job, backend, "cpu", lambda text, share: None)
    assert (finding.status, finding.payload) == ("not_measured", None)
    assert "run the train task first" in finding.reason

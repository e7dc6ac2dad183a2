"""A momentum of batch norm that falls: state of the train graph, in every backend's step."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from backends.base import Backend, Settings
from bench.config import Model, Train
from bench.coordinator.spec import build
from bench.data import protocols
from bench.parity.feeds import drawn
from bench.training import brought, checkpoint
from models import momentum, params
from models.errors import BadInput, SpecError
from models.optim import Optimizer
from tests import zoo
from tests.bench.training.small_jobs import make_job, run

START, END, OVER = 0.2, 0.002, 4
# 0.2 and a tenth of a tenth over four batches, then it stays
BY_HAND = [0.2, 0.0632455532, 0.02, 0.00632455532, 0.002, 0.002]
FALLS = {"start": START, "end": END}
STATISTICS = ("batch_norm1.running_mean", "batch_norm1.running_var")


def test_every_backend_lets_it_fall(backend: Backend) -> None:
    spec = zoo.tiny("simple_baseline")
    graph = momentum.falling(spec.train, START, END, OVER)
    trainer = backend.trainer(graph, Optimizer("sgd", 0.1, 0.0), Settings())
    trainer.program.load(params.draw(graph.params, seed=0))
    # with a rate of nothing every batch has the same statistics
    trainer.set_lr(0.0)
    lengths = {"batch": 8, "frames": spec.frames}
    rng = np.random.default_rng(0)
    feeds = trainer.program.put(drawn(graph.inputs, graph.noise, lengths, rng))
    before = trainer.program.params()
    seen = [[np.asarray(before[name], float) for name in STATISTICS]]
    for many in (1, 2, 3):
        # a step of several batches moves the statistics by each of them
        trainer.step(*[feeds] * many)
        now = trainer.program.params()
        seen.append([np.asarray(now[name], float) for name in STATISTICS])
    batch = _statistics(before, drawn(graph.inputs, graph.noise, lengths, _again()))
    for i, new in enumerate(batch):
        due = seen[0][i]
        taken = iter(BY_HAND)
        for step, many in enumerate((1, 2, 3), start=1):
            for _ in range(many):
                share = next(taken)
                due = due * (1 - share) + new * share
            np.testing.assert_allclose(seen[step][i], due, rtol=2e-5, atol=2e-6)
    assert trainer.program.params()[momentum.COUNTER] == len(BY_HAND)


def _again() -> np.random.Generator:
    return np.random.default_rng(0)


def _statistics(
    weights: dict[str, np.ndarray], fed: dict[str, np.ndarray]
) -> list[np.ndarray]:
    """Mean and unbiased variance of what the first norm is given."""
    shown = fed["keypoints"].astype(float).reshape(8, -1)
    made = shown @ weights["w1.weight"].astype(float).T + weights["w1.bias"]
    return [made.mean(0), made.var(0, ddof=1)]


def test_outputs_and_gradients_are_those_without_it(backend: Backend) -> None:
    spec = zoo.tiny("simple_baseline")
    lengths = {"batch": 8, "frames": spec.frames}
    found = []
    for graph in (spec.train, momentum.falling(spec.train, START, END, OVER)):
        trainer = backend.trainer(graph, Optimizer("sgd", 0.1, 0.0), Settings())
        trainer.program.load(params.draw(graph.params, seed=0))
        feeds = drawn(graph.inputs, graph.noise, lengths, _again())
        found.append(trainer.gradients(trainer.program.put(feeds)))
    (loss, grads), (other, others) = found
    assert other == pytest.approx(loss, rel=1e-6)
    for name, grad in grads.items():
        np.testing.assert_allclose(others[name], grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("start", [0.0, -0.1, 1.5])
def test_a_momentum_that_is_none_is_refused(start: float) -> None:
    train = zoo.tiny("simple_baseline").train
    with pytest.raises(SpecError, match="above 0 and at most 1 was due"):
        momentum.falling(train, start, 0.1, OVER)


def test_a_model_without_batch_norm_is_refused() -> None:
    protocol = protocols.default("synthetic")
    asked = Model.model_validate({"preset": "tiny", "train": {"norm_momentum": FALLS}})
    with pytest.raises(SpecError, match="has no batch norm"):
        build("motionbert", asked, protocol)


def test_epochs_want_a_number_of_steps() -> None:
    with pytest.raises((BadInput, ValueError), match=re.escape("over: 1000")):
        Train.model_validate({"epochs": 3, "norm_momentum": FALLS})
    Train.model_validate({"epochs": 3, "norm_momentum": {**FALLS, "over": 9}})


def test_a_training_counts_on_from_its_checkpoint(
    tmp_path: Path, backend: Backend
) -> None:
    settings = {"steps": 12, "norm_momentum": FALLS, "accumulate": 2}
    job = make_job(tmp_path, backend, **settings)
    record = run(job, backend)
    assert any("batches that its momentum" in check.name for check in record.checks)
    found = checkpoint.load(job.checkpoint)
    assert found.params[momentum.COUNTER] == 24
    # what is evaluated, or started from, knows nothing of it
    assert momentum.COUNTER not in found.trained
    start = {"start": job.checkpoint, "norm_momentum": FALLS}
    other = make_job(tmp_path / "other", backend, **start)
    graph = build("simple_baseline", other.settings, protocols.load("synthetic"))
    assert brought.weights(other, graph.train.params)[momentum.COUNTER] == 0

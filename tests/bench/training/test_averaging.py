"""The mean of the weights: state of the train graph, in every backend, and then evaluated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
from backends.base import Backend, Settings
from bench.config import Model
from bench.coordinator.spec import build
from bench.data import protocols
from bench.evaluation.oracle import network
from bench.parity.feeds import drawn
from bench.training import checkpoint
from models import averaging, params
from models.errors import SpecError
from models.optim import Optimizer
from tests import zoo
from tests.bench.training.small_jobs import make_job, run

DECAY = 0.75
STEPS = 3


def test_every_backend_keeps_the_mean_of_its_weights(backend: Backend) -> None:
    spec = zoo.tiny("simple_baseline")
    graph = averaging.averaged(spec.train, DECAY)
    trainer = backend.trainer(graph, Optimizer("adam", 1e-2, 0.0), Settings())
    trainer.program.load(params.draw(graph.params, seed=0))
    lengths = {"batch": 4, "frames": spec.frames}
    rng = np.random.default_rng(0)
    feeds = trainer.program.put(drawn(graph.inputs, graph.noise, lengths, rng))
    seen = []
    for _ in range(STEPS):
        now = trainer.program.params()
        seen.append({name: np.array(now[name], float) for name in graph.trainable()})
        trainer.step(feeds)
    read = averaging.read(trainer.program.params())
    shares = DECAY ** np.arange(STEPS)[::-1]
    for name in graph.trainable():
        due = np.average([one[name] for one in seen], axis=0, weights=shares)
        np.testing.assert_allclose(read[name], due, rtol=1e-5, atol=1e-7)
    # what no step trains is as it is
    assert read.keys() == spec.train.params.keys()


def test_before_the_first_step_the_weights_are_those_drawn() -> None:
    spec = zoo.tiny("simple_baseline")
    graph = averaging.averaged(spec.train, DECAY)
    weights = params.draw(graph.params, seed=0)
    read = averaging.read(weights)
    assert all(np.array_equal(read[name], weights[name]) for name in spec.train.params)


@pytest.mark.parametrize("decay", [0, 1, 1.5])
def test_a_decay_that_is_none_is_refused(decay: float) -> None:
    with pytest.raises(SpecError, match="between 0 and 1 was due"):
        averaging.averaged(zoo.tiny("simple_baseline").train, decay)


def test_a_run_that_averages_trains_the_averaged_graph() -> None:
    protocol = protocols.default("synthetic")
    plain = build("simple_baseline", Model(preset="tiny"), protocol)
    asked = Model.model_validate({"preset": "tiny", "train": {"average": DECAY}})
    spec = build("simple_baseline", asked, protocol)
    assert set(spec.train.state) > set(plain.train.state)
    # what runs in production knows nothing of it
    assert spec.infer.params.keys() == plain.infer.params.keys()


def test_a_training_is_evaluated_by_its_means(tmp_path: Path, backend: Backend) -> None:
    job = make_job(tmp_path, backend, average=0.9)
    record = run(job, backend)
    assert "weights averaged, with a decay of 0.9 a step" in record.note
    found = checkpoint.load(job.checkpoint)
    means, own = found.trained, network.weights(job.checkpoint)
    assert not any(name.startswith(averaging.PREFIX) for name in means)
    for name, mean in means.items():
        # the oracle reads them by a rule of its own
        np.testing.assert_allclose(mean, own[name], rtol=1e-6)
    last = found.params
    assert not np.array_equal(means["w1.weight"], last["w1.weight"])
    assert np.array_equal(
        means["batch_norm1.running_mean"], last["batch_norm1.running_mean"]
    )


def test_a_step_of_several_batches_weighs_as_one(tmp_path: Path) -> None:
    numpy = backends.load("numpy")
    job = make_job(tmp_path, numpy, average=0.9, steps=1, batch=4, accumulate=4)
    run(job, numpy)
    share = checkpoint.load(job.checkpoint).params[averaging.SHARE]
    assert float(share) == pytest.approx(0.1, rel=1e-5)

"""Replicas of a training: how many a batch takes, and that they change nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import backends
from backends.base import Backend
from bench.config import completed
from bench.training import replicas, smaller
from bench.training.feed import split_of
from bench.training.fingerprint import fingerprint
from bench.training.optimizer import optimizer_of
from models.errors import BadInput, SpecError
from tests.bench.training.small_jobs import PROTOCOL, make_job, run
from tests.zoo import tiny

NUMPY = backends.load("numpy")


def check(model: str = "simple_baseline", **settings: Any) -> None:
    train = make_job(Path(), NUMPY, **settings).settings.train
    replicas.check(model, completed(model, train), tiny(model))


@pytest.mark.parametrize(
    ("batch", "count", "said"),
    [
        (2, 3, "3, and a batch holds 2 windows"),
        (16, 3, "3, and a batch of 16 windows has no equal shares"),
    ],
)
def test_a_batch_has_an_equal_share_for_each(batch: int, count: int, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        check(batch=batch, replicas=count)
    check(batch=batch, replicas=2)


def test_a_loss_between_samples_is_refused_before_work() -> None:
    with pytest.raises(SpecError, match="looks across the samples"):
        check("poseflow", batch=4, replicas=2)
    check("poseflow", batch=4, replicas=1)


def test_few_windows_are_refused_too(tmp_path: Path) -> None:
    job = make_job(tmp_path, NUMPY, replicas=4)
    assert replicas.of(job, 12) == 4
    with pytest.raises(BadInput, match="a batch of these clips of 10 windows has no"):
        replicas.of(job, 10)


def test_a_batch_is_not_halved_below_its_replicas(tmp_path: Path) -> None:
    job = make_job(tmp_path, NUMPY, batch=6, replicas=2)
    config = job.config.model_copy(update={"allow_smaller_batch": True})
    job = job.model_copy(update={"config": config})
    reason = "half a batch of 6 has no equal shares for 2 replicas"
    assert smaller.refused(job, split_of(job)) == reason


def test_a_training_goes_on_with_another_number_of_them(tmp_path: Path) -> None:
    prints = []
    for count in (1, 2):
        job = make_job(tmp_path, NUMPY, replicas=count)
        optimizer = optimizer_of(job, tiny("simple_baseline"))
        prints.append(fingerprint(job, PROTOCOL, optimizer))
    assert prints[0] == prints[1]


def test_a_cell_of_two_trains_as_one_does(backend: Backend, tmp_path: Path) -> None:
    if reason := backend.replicas("cpu", 2):
        pytest.skip(f"{backend.name}: {reason}")
    found = []
    for count in (1, 2):
        # plain descent: Adam makes steps of what rounding leaves of a gradient that is none
        asked: dict[str, Any] = {"steps": 20, "optimizer": "sgd", "replicas": count}
        found.append(run(make_job(tmp_path / str(count), backend, **asked), backend))
    one, two = found
    assert (one.replicas, two.replicas) == (1, 2)
    assert two.loss == pytest.approx(one.loss, rel=1e-5)
    assert two.validation_mpjpe == pytest.approx(one.validation_mpjpe, rel=1e-4)
    assert "trained by 2 replicas, each on 8 windows a batch" in two.note
    assert "weights after steps 1 to 20" in two.left_out

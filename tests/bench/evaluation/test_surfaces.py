"""A model that makes a surface, from its training to its scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import backends
from bench.config import Config, Model, Train
from bench.coordinator.job import Job
from bench.data.geometry.skeletons import H36M17
from bench.evaluation import task as evaluate
from bench.records import Evaluation, Training
from bench.training import task as train
from tests.bench import drape

SURFACE = ("MPVPE", "MPJPE of the mesh", "PA-MPJPE of the mesh")


def quiet(text: str, share: float) -> None:
    """Nobody listens."""


def job_of(folder: Path, name: str, **settings: Any) -> Job:
    training = Train(steps=8, batch=8, validate_every=8, validation_windows=64)
    model = Model(train=training, **settings)
    config = Config(small=0.05, model={name: model}, device="cpu", threads=1)
    return Job(task="train", backend="numpy", model=name, config=config, folder=folder)


class Ran(NamedTuple):
    """A training and its evaluation, with what it was of."""

    job: Job
    training: Training
    evaluation: Evaluation


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    with pytest.MonkeyPatch.context() as patch:
        backend = backends.load("numpy")
        job = job_of(tmp_path_factory.mktemp("drape"), drape.put_up(patch))
        found = train.run(job, backend, "cpu", quiet)
        assert found.status == "ok", found.reason
        judged = evaluate.run(job, backend, "cpu", quiet)
        assert judged.status == "ok", judged.reason
        assert isinstance(found.payload, Training)
        assert isinstance(judged.payload, Evaluation)
        yield Ran(job, found.payload, judged.payload)


def test_its_surface_is_scored_beside_its_pose(ran: Ran) -> None:
    found = {metric.name: metric for metric in ran.evaluation.metrics}
    # some rest pose, seen from some side
    assert 100 < (found["MPVPE"].frame_wise or 0) < 600
    assert found["MPVPE"].unit == "mm"
    assert set(found["MPVPE"].per_subject) == {"S9", "S11"}
    assert set(found["MPJPE of the mesh"].per_joint) == set(H36M17.joints)
    aligned, free = (
        found[f"{name} of the mesh"].frame_wise for name in ("PA-MPJPE", "MPJPE")
    )
    assert (aligned or 0) < (free or 0)


def test_its_surface_is_held_at_every_place(ran: Ran) -> None:
    before = {check.name for check in ran.training.checks}
    assert "surfaces that are fed" in before
    after = {(check.kind, check.name) for check in ran.evaluation.checks}
    assert {("score", name) for name in SURFACE} <= after
    assert any(kind == "vertices" for kind, _ in after)
    assert not set(SURFACE) & set(ran.evaluation.left_out)

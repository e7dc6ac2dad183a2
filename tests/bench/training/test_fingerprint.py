"""What a checkpoint must agree on: every setting that decides a training, and no other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import backends
from bench.config import Config, Model, Train
from bench.coordinator.job import Job
from bench.training import checkpoint
from bench.training.fingerprint import fingerprint
from bench.training.settings import Group, NormMomentum
from models.optim import Optimizer
from tests.bench.training.small_jobs import PROTOCOL, make_job

NUMPY = backends.load("numpy")
# another value of every setting of a training
TRAIN: dict[str, Any] = {
    "average": 0.9,
    "norm_momentum": NormMomentum(start=0.1, end=0.001),
    "start": Path("weights.safetensors"),
    "continues": True,
    "steps": 61,
    "epochs": 2.0,
    "patience": 3,
    "schedule": "constant",
    "warm_up": 5,
    "validate_on": "held-out",
    "batch": 17,
    "accumulate": 2,
    "gradient_checkpointing": True,
    "clip": {"norm": 1.0},
    "momentum": 0.5,
    "beta1": 0.8,
    "beta2": 0.9,
    "alpha": 0.9,
    "eps": 1e-6,
    "amsgrad": True,
    "groups": (Group(params="w1.*", frozen=True),),
    "lr": 0.02,
    "weight_decay": 0.1,
    "optimizer": "sgd",
    "loss": {"n_mpjpe": 1.0},
    "joint_weights": {"RWrist": 4.0},
    "inputs": "screen",
    "stride": 2,
    "shortest": 2,
    "longest": 10,
    "flip": False,
    "validate_every": 26,
    "validation_windows": 65,
}
MODEL: dict[str, Any] = {
    "preset": "tiny",
    "sizes": {"width": 32, "stages": 1, "dropout": 0.0},
    "pad": "reflect",
    "test_every": 1,
    # a file that is there: what it holds counts
    "body": Path(__file__),
    "train": Train(steps=7),
}
OPTIMIZER = Optimizer("adam", 0.01, 0.0)


def job_with(folder: Path, **changes: Any) -> Job:
    """The small job with other settings of the model."""
    job = make_job(folder, NUMPY)
    model = job.settings.model_copy(update=changes)
    config = job.config.model_copy(update={"model": {job.model: model}})
    return job.model_copy(update={"config": config})


def of(job: Job, **changes: Any) -> str:
    """The fingerprint of a job, its run's settings changed."""
    config = job.config.model_copy(update=changes)
    changed = job.model_copy(update={"config": config})
    return fingerprint(changed, PROTOCOL, OPTIMIZER)


def test_every_setting_has_another_value_here() -> None:
    # which checkpoints stay decides no weight in them, and how many share the work but rounding
    assert TRAIN.keys() == Train.model_fields.keys() - {"keep", "replicas"}
    assert MODEL.keys() == Model.model_fields.keys()


@pytest.mark.parametrize("key", TRAIN)
def test_every_setting_of_the_training_counts(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = make_job(tmp_path, NUMPY)
    monkeypatch.chdir(tmp_path)
    weights = {"a": np.zeros(2, np.float32)}
    checkpoint.save(TRAIN["start"], checkpoint.Checkpoint(weights, {}, {}, {}))
    train = before.settings.train.model_copy(update={key: TRAIN[key]})
    assert getattr(train, key) != getattr(before.settings.train, key)
    assert of(job_with(tmp_path, train=train)) != of(before)


@pytest.mark.parametrize("key", MODEL)
def test_every_setting_of_the_model_counts(key: str, tmp_path: Path) -> None:
    before = make_job(tmp_path, NUMPY)
    assert of(job_with(tmp_path, **{key: MODEL[key]})) != of(before)


def test_data_protocol_seed_and_precision_count(tmp_path: Path) -> None:
    job = make_job(tmp_path, NUMPY)
    changes = [{"data": "bvh:takes"}, {"seed": 1}, {"precision": "bf16"}]
    found = {of(job, **change) for change in changes}
    other = PROTOCOL.model_copy(update={"fraction": 0.5})
    found.add(fingerprint(job, other, OPTIMIZER))
    # noise, corruption and the fraction are the protocol's, as it was applied
    found.add(fingerprint(job, PROTOCOL.model_copy(update={"overlap": 3}), OPTIMIZER))
    assert len(found | {of(job)}) == 6


@pytest.mark.parametrize("key", Optimizer.__dataclass_fields__)
def test_every_number_of_the_rule_counts(key: str, tmp_path: Path) -> None:
    job = make_job(tmp_path, NUMPY)
    others: dict[str, Any] = {"rule": "sgd", "rates": (("w1.weight", 0.5),)}
    moved = replace(OPTIMIZER, **{key: others.get(key, 0.5)})
    assert fingerprint(job, PROTOCOL, moved) != fingerprint(job, PROTOCOL, OPTIMIZER)


def test_what_a_file_of_steps_says_counts_and_not_where_it_lies(tmp_path: Path) -> None:
    files = []
    for name, steps in (("a", "rotate"), ("b", "rotate"), ("c", "occlude")):
        files.append(tmp_path / f"{name}.yaml")
        files[-1].write_text(f"steps: [{steps}]")
    job = make_job(tmp_path, NUMPY)
    one, same, other = (of(job, augment=file) for file in files)
    assert one == same == of(job, augment=("rotate",)) != of(job)
    assert other not in (one, of(job))


# where a run computes, how it is measured and what else is asked decide no training; the data
# as they are read are the protocol's
NOTHING: dict[str, Any] = {
    "backend": ("torch",),
    "preset": "paper",
    "share": 0.5,
    "against": "torch",
    "tasks": ("train",),
    "device": "auto",
    "checkpoint": "best",
    "seeds": 3,
    "equivalence_margin": 2.0,
    "protocol": "synthetic",
    "metrics": ("mpjpe",),
    "threads": 2,
    "workers": 1,
    "timeout": 10.0,
}


@pytest.mark.parametrize("key", NOTHING)
def test_nothing_else_counts(key: str, tmp_path: Path) -> None:
    job = make_job(tmp_path, NUMPY)
    assert key in Config.model_fields
    assert of(job, **{key: NOTHING[key]}) == of(job)

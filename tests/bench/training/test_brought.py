"""A training that starts from a file: what fits is taken, the rest is drawn, and that is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
import models
from bench.coordinator.checking import check
from bench.coordinator.job import Job
from bench.training import brought, checkpoint, feed
from bench.training.checkpoint import Checkpoint
from bench.training.fingerprint import fingerprint
from models import params
from models.errors import BadInput
from models.nodes import Param
from models.optim import Optimizer
from tests.bench.training.small_jobs import PROTOCOL, make_job, run

NUMPY = backends.load("numpy")
Arrays = dict[str, np.ndarray]


def job_from(folder: Path, file: Path) -> Job:
    return make_job(folder, NUMPY, start=file, steps=2, batch=4, validate_every=2)


def parameters(folder: Path) -> dict[str, Param]:
    graph = feed.feed_of(make_job(folder, NUMPY), PROTOCOL).spec.train
    return dict(graph.params)


def saved(path: Path, arrays: Arrays) -> Path:
    checkpoint.save(path, Checkpoint(arrays, {}, {}, {"step": 0}))
    return path


def test_what_fits_is_taken_and_the_rest_is_drawn(tmp_path: Path) -> None:
    known = parameters(tmp_path)
    stored = params.draw(known, seed=7)
    stored.pop("w1.bias")
    stored["w2.weight"] = np.zeros((3, 3), np.float32)
    stored["another.head"] = np.zeros(3, np.float32)
    job = job_from(tmp_path, saved(tmp_path / "old.safetensors", stored))
    found, drawn = brought.weights(job, known), params.draw(known, seed=0)
    for name in known:
        due = drawn if name in ("w1.bias", "w2.weight") else stored
        np.testing.assert_array_equal(found[name], due[name])
    payload = run(job, NUMPY)
    told = f"starts from {len(known) - 2} of {len(known)} arrays of old.safetensors"
    assert f"{told}; drawn: w1.bias, w2.weight" in payload.note
    (start,) = [one for one in payload.checks if one.kind == "start"]
    assert start.ok
    assert "and a file has them" in start.name


@pytest.mark.parametrize(
    ("first", "then"),
    [("dstformer:pretrain", "dstformer:finetune"), ("poseflow", "poseflow:critic")],
)
def test_a_stage_takes_the_frozen_part_from_another(
    first: str, then: str, tmp_path: Path
) -> None:
    stored = params.draw(models.build(first, preset="tiny").train.params, seed=7)
    graph = models.build(then, preset="tiny").train
    frozen = [name for name, param in graph.params.items() if not param.trainable]
    file = saved(tmp_path / "first.safetensors", stored)
    assert set(frozen) <= set(brought.fitting(file, graph.params))


def test_a_network_that_is_given_is_taken_though_no_step_moves_it(
    tmp_path: Path,
) -> None:
    """Pose2Mesh's second network learns on its first, which a training of its own has made."""
    first, second = (
        models.build(f"pose2mesh:{stage}", preset="tiny").train
        for stage in ("posenet", "meshnet")
    )
    weights = params.draw(first.params, seed=7)
    file = saved(tmp_path / "first.safetensors", weights)
    found = brought.fitting(file, second.params)
    assert found.keys() == weights.keys()
    # what nothing reads is no loss, wherever it comes from
    assert brought._untrained(second, second.params.keys() - found.keys(), "m") == ""
    assert "frozen arrays are drawn" in brought._untrained(second, second.params, "m")


def test_statistics_alone_are_nothing_to_start_from(tmp_path: Path) -> None:
    known = parameters(tmp_path)
    weights = params.draw(known, seed=7)
    counted = {name: weights[name] for name in known if "running" in name}
    assert counted
    with pytest.raises(BadInput, match="none of its"):
        brought.fitting(saved(tmp_path / "a.safetensors", counted), known)


def test_the_start_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.training import task

    file = saved(tmp_path / "a.safetensors", params.draw(parameters(tmp_path), seed=7))
    monkeypatch.setattr(task.brought, "taken", lambda job, params: {})
    job = job_from(tmp_path, file)
    monkeypatch.setattr(
        task.brought,
        "weights",
        lambda job, known: params.draw(known, seed=7),
    )
    finding = task.run(job, NUMPY, "cpu", lambda text, share: None)
    assert finding.status == "failed"
    assert finding.reason.startswith("start:")


def test_what_a_file_says_counts_and_not_where_it_lies(tmp_path: Path) -> None:
    known = parameters(tmp_path)
    one = saved(tmp_path / "a.safetensors", params.draw(known, seed=7))
    same = saved(tmp_path / "b.safetensors", params.draw(known, seed=7))
    other = saved(tmp_path / "c.safetensors", params.draw(known, seed=8))
    optimizer = Optimizer("adam", 0.01, 0.0)

    def of(file: Path) -> str:
        return fingerprint(job_from(tmp_path, file), PROTOCOL, optimizer)

    assert of(one) == of(same) != of(other)


def test_a_run_keeps_the_file_that_it_started_from(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    file = saved(tmp_path / "a.safetensors", params.draw(parameters(tmp_path), seed=7))
    job = job_from(folder, file)
    brought.keep(folder, job.config, run=None)
    due = brought.digest(job)
    saved(file, params.draw(parameters(tmp_path), seed=8))  # written anew, elsewhere
    assert brought.digest(job) == due
    file.unlink()
    assert brought.digest(job) == due
    taken_over = tmp_path / "other"
    taken_over.mkdir()
    brought.keep(taken_over, job.config, run=folder)
    assert brought.kept(taken_over, job.model).exists()


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        (
            {"another.head": np.zeros(3, np.float32)},
            "none of its 1 arrays has the name",
        ),
        (None, "no checkpoint there"),
    ],
)
def test_a_file_of_which_nothing_fits_is_refused(
    arrays: Arrays | None, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.safetensors"
    if arrays is not None:
        saved(file, arrays)
    with pytest.raises(BadInput, match=told):
        check(job_from(tmp_path, file).config.model_copy(update={"tasks": ("train",)}))

"""Faults around a training: where it starts, what it keeps, what is evaluated of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backends.base import Backend, Trainer
from bench.coordinator import dataset
from bench.coordinator.job import Finding
from bench.data import Split
from bench.data.batches import standardizer
from bench.data.batches.windows import Windows
from bench.records import Evaluation, Training
from bench.training import checkpoint, feed, start
from bench.training import task as train
from bench.training.epochs import Epochs
from models import params
from tests.bench.training import small_jobs
from tests.meta.small_pipelines import Pipeline, clips, evaluated, trained, use

Arrays = dict[str, np.ndarray]
PLAIN = Pipeline("simple_baseline")


def failed(finding: Finding) -> str:
    """The kind of the first check that failed."""
    assert finding.status == "failed"
    assert isinstance(finding.payload, Evaluation | Training)
    kind = next(check.kind for check in finding.payload.checks if not check.ok)
    assert finding.reason.startswith(f"{kind}: ")
    return kind


def of_another_seed(arrays: Arrays, *, seed: int) -> Arrays:
    return {**arrays, "w1.weight": np.roll(arrays["w1.weight"], 1)}


def swapped(arrays: Arrays, *, seed: int) -> Arrays:
    stage = "linear_stages.0"
    one, other = f"{stage}.w1.weight", f"{stage}.w2.weight"
    return {**arrays, one: arrays[other], other: arrays[one]}


def rescaled(arrays: Arrays, *, seed: int) -> Arrays:
    return {name: array * np.float32(1.01) for name, array in arrays.items()}


def rounded(arrays: Arrays, *, seed: int) -> Arrays:
    narrow = arrays["w1.weight"].astype(np.float16)
    return {**arrays, "w1.weight": narrow.astype(np.float32)}


STARTS = {
    "rolled": of_another_seed,
    "swapped": swapped,
    "rescaled": rescaled,
    "rounded": rounded,
}


@pytest.mark.parametrize("name", STARTS)
def test_a_backend_that_starts_elsewhere_fails_before_the_first_step(
    name: str, tmp_path: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = type(backend).trainer

    def trainer(self: Backend, *asked: Any) -> Trainer:
        found = make(self, *asked)
        load = found.program.load
        found.program.load = lambda arrays: load(  # type: ignore[method-assign]
            STARTS[name](dict(arrays), seed=0)
        )
        return found

    monkeypatch.setattr(type(backend), "trainer", trainer)
    job = small_jobs.make_job(tmp_path, backend, steps=2)
    found = train.run(job, backend, "cpu", lambda text, share: None)
    assert failed(found) == "start"
    assert isinstance(found.payload, Training)
    assert found.payload.steps == 0
    assert not job.checkpoint.exists()


def test_a_harness_that_draws_another_seed_fails_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, clips(PLAIN))
    other = SimpleNamespace(
        draw=lambda given, *, seed: params.draw(given, seed=seed + 1)
    )
    monkeypatch.setattr(train, "initial", other)
    found = trained(PLAIN.job(tmp_path))
    assert failed(found) == "start"
    assert "as seed 0 draws them" in found.reason
    # biases of zero are the same under any seed
    assert "differ, the first ['w1.weight']" in found.reason


def test_every_backend_starts_from_the_weights_of_the_seed(
    tmp_path: Path, backend: Backend
) -> None:
    digests = set()
    for seed in (0, 1):
        job = small_jobs.make_job(tmp_path / str(seed), backend, steps=1)
        config = job.config.model_copy(update={"seed": seed})
        job = job.model_copy(update={"config": config})
        found = small_jobs.run(job, backend)
        graph = feed.feed_of(job, small_jobs.PROTOCOL).spec.train
        drawn = params.draw(graph.params, seed=seed)
        assert found.start == start.digest(drawn, graph.params)
        digests.add(found.start)
    assert len(digests) == 2, "each seed has a start of its own"


def test_a_digest_sees_every_bit_and_no_sign_of_zero() -> None:
    graph = feed.feed_of(PLAIN.job(Path()), small_jobs.PROTOCOL).spec.train
    drawn = params.draw(graph.params, seed=0)
    due = start.digest(drawn, graph.params)
    assert start.digest(dict(reversed(drawn.items())), graph.params) == due
    zero = next(name for name, array in drawn.items() if not array.any())
    assert start.digest({**drawn, zero: -drawn[zero]}, graph.params) == due
    moved = drawn["w1.weight"].copy()
    moved[0, 0] = np.nextafter(moved[0, 0], np.float32(1))
    assert start.digest({**drawn, "w1.weight": moved}, graph.params) != due
    less = {name: array for name, array in drawn.items() if name != "w1.weight"}
    assert start.strangers(less, drawn) == ["w1.weight"]


def test_a_resumed_training_keeps_the_digest_of_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, clips(PLAIN))
    job = PLAIN.job(tmp_path)
    first = trained(job).payload
    again = trained(job).payload
    assert isinstance(first, Training) and isinstance(again, Training)
    assert again.start == first.start != ""
    kept = checkpoint.load(job.checkpoint)
    # of another start: to go on from it does not make it right
    strange = {**kept.progress, "start": "0" * start.DIGITS}
    checkpoint.save(job.checkpoint, replace(kept, progress=strange))
    assert failed(trained(job)) == "start"
    # of before starts were kept: nothing is claimed
    del strange["start"]
    checkpoint.save(job.checkpoint, replace(kept, progress=strange))
    old = trained(job)
    assert old.status == "ok"
    assert isinstance(old.payload, Training)
    assert "start" in old.payload.left_out


@pytest.mark.parametrize("side", ["test", "both"])
def test_scaling_depends_on_training_clips_alone(
    side: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = clips(PLAIN)
    use(monkeypatch, split)
    honest, job = tmp_path / "honest", PLAIN.job(tmp_path)
    assert trained(PLAIN.job(honest)).status == "ok"
    fit = standardizer.fit
    test = Windows(split.test, frames=1).single()

    def wrong(values: np.ndarray) -> standardizer.Standardizer:
        return fit(test if side == "test" else np.concatenate([values, test]))

    monkeypatch.setattr(standardizer, "fit", wrong)
    assert failed(trained(job)) == "scaling"
    # and where a training has gone through with it, its evaluation fails
    kept = checkpoint.load(PLAIN.job(honest).checkpoint)
    scaling = wrong(Windows(split.train, frames=1).single()).arrays()
    checkpoint.save(job.checkpoint, replace(kept, scaling=scaling))
    assert failed(evaluated(job)) == "scaling"


def test_a_take_on_both_sides_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = clips(PLAIN)
    job = PLAIN.job(tmp_path)
    use(monkeypatch, split)
    assert trained(job).status == "ok"
    mixed = Split(split.train, [*split.test, split.train[0]], split.protocol)
    use(monkeypatch, mixed)
    assert failed(evaluated(job)) == "split"
    assert failed(trained(PLAIN.job(tmp_path / "other"))) == "split"


def test_poses_of_another_camera_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = clips(PLAIN)
    whole = dataset.read(PLAIN.job(tmp_path).config.model_copy(update={"small": 0.05}))
    by_name = {(clip.name, clip.camera_name): clip for clip in whole.train}
    moved = []
    for clip in split.train:
        other = by_name[clip.name, "cam1" if clip.camera_name == "cam0" else "cam0"]
        moved.append(replace(clip, camera_pose=other.camera_pose))
    use(monkeypatch, Split(moved, split.test, split.protocol))
    assert failed(trained(PLAIN.job(tmp_path))) == "projection"


def test_a_training_that_is_a_step_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, clips(PLAIN))
    steps = Epochs.steps
    job = PLAIN.job(tmp_path)

    def shorter(self: Epochs, first: int, last: int) -> Any:
        return steps(self, first, last - 1 if last - first > 1 else last)

    monkeypatch.setattr(Epochs, "steps", shorter)
    found = trained(job)
    assert failed(found) == "end"
    assert found.reason.startswith("end: steps: off by 1 steps")
    monkeypatch.setattr(Epochs, "steps", lambda self, first, last: iter(()))
    found = trained(PLAIN.job(tmp_path / "none"))
    assert failed(found) == "batch"
    assert found.reason.startswith("batch: batches of step 0: off by 1 batches")


@pytest.mark.parametrize("kind", ["weights", "running statistics"])
def test_a_training_that_moves_nothing(
    kind: str, tmp_path: Path, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = type(backend).trainer
    job = small_jobs.make_job(tmp_path, backend, steps=2)
    graph = feed.feed_of(job, small_jobs.PROTOCOL).spec.train
    kept = set(graph.trainable() if kind == "weights" else graph.state)

    def trainer(self: Backend, *asked: Any) -> Trainer:
        found = make(self, *asked)
        step, program = found.step, found.program

        def standing(feeds: Any) -> Any:
            before = program.params()
            loss = step(feeds)
            after = program.params()
            program.load({n: (before if n in kept else after)[n] for n in after})
            return loss

        found.step = standing  # type: ignore[method-assign]
        return found

    monkeypatch.setattr(type(backend), "trainer", trainer)
    found = train.run(job, backend, "cpu", lambda text, share: None)
    assert failed(found) == "end"
    assert f"{kind} that are still those of the start" in found.reason

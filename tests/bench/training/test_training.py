"""Training: the schedule, the checkpoint, a resume that changes nothing, and that something
is learnt.
"""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import backends
from backends.base import Backend
from bench.config import Config, Model, Train
from bench.coordinator import dataset
from bench.coordinator.job import Finding, Job
from bench.coordinator.spec import build
from bench.data import protocols
from bench.evaluation import task as evaluate
from bench.evaluation.baselines import task as baselines
from bench.records import Baselines, Evaluation, Training
from bench.training import checkpoint, loop
from bench.training import task as train
from bench.training.checkpoint import Checkpoint
from bench.training.feed import Feed
from bench.training.loop import Loop, schedule
from models.errors import BadInput

# no noise, so that a run can be repeated bit by bit
PROTOCOL = protocols.load("synthetic")
TINY = {"width": 16, "stages": 1, "dropout": 0.0}


def make_job(
    folder: Path,
    backend: Backend,
    *,
    task: str = "train",
    augment: Path | None = None,
    **settings: Any,
) -> Job:
    given = {
        "steps": 60,
        "batch": 16,
        "validate_every": 25,
        "validation_windows": 64,
        "lr": 0.01,
    }
    model = Model(sizes=TINY, train=Train.model_validate(given | settings))
    config = Config(
        small=0.05,
        model={"simple_baseline": model},
        device="cpu",
        threads=1,
        augment=augment,
    )
    return Job(
        task=task,
        backend=backend.name,
        model="simple_baseline",
        config=config,
        folder=folder,
    )


def run(job: Job, backend: Backend) -> Training:
    """A training that ends well."""
    finding = train.run(job, backend, "cpu", lambda text, share: None)
    assert finding.status == "ok" and isinstance(finding.payload, Training), finding.reason
    return finding.payload


def test_the_learning_rate_rises_in_a_line_and_falls_by_half_a_cosine() -> None:
    factors = [schedule(step, 1000) for step in range(1000)]
    assert factors[:20] == pytest.approx([(step + 1) / 20 for step in range(20)])
    assert factors[20] == max(factors) == 1.0
    assert factors[510] == pytest.approx((1 + loop.FLOOR) / 2), "half way down the cosine"
    assert factors[-1] == pytest.approx(loop.FLOOR, abs=1e-4)
    assert all(a > b for a, b in zip(factors[20:], factors[21:], strict=False))


@pytest.mark.parametrize("steps", [1, 2, 3, 49])
def test_the_schedule_of_a_short_run_is_sane(steps: int) -> None:
    factors = [schedule(step, steps) for step in range(steps)]
    assert factors[0] == 1.0 and all(loop.FLOOR <= factor <= 1 for factor in factors)


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
    assert seen == [0.5 * schedule(step, 7) for step in range(7)]


def test_something_is_learnt(tmp_path: Path, backend: Backend) -> None:
    job = make_job(tmp_path, backend, steps=400, validate_every=100)
    found = run(job, backend)
    assert (
        found.steps == 400
        and found.loss_steps == tuple(range(25, 401, 25))
        and found.validation_steps == (100, 200, 300, 400)
    )
    first, last = found.loss[0], found.loss[-1]
    assert first is not None and last is not None and last < 0.5 * first
    curve = [value or math.inf for value in found.validation_mpjpe]
    assert curve[-1] < curve[0]
    scored = evaluate.run(job, backend, "cpu", lambda text, share: None)
    assert isinstance(scored.payload, Evaluation) and scored.status == "ok"
    beside = baselines.run(job, None, "cpu", lambda text, share: None).payload
    assert isinstance(beside, Baselines)
    model, mean = scored.payload.metrics[0], beside.baselines[0].metrics[0]
    assert (model.name, beside.baselines[0].name) == ("MPJPE", "mean pose")
    assert (model.frame_wise or math.inf) < (mean.frame_wise or 0), (
        "400 steps of a small model beat the mean pose"
    )
    assert scored.payload.note == "weights after 400 steps"


def test_the_record_counts_right(tmp_path: Path, backend: Backend) -> None:
    found = run(make_job(tmp_path, backend, steps=10, batch=32), backend)
    assert found.epochs == pytest.approx(10 * 32 / found.train_windows)
    assert found.frames_per_second == pytest.approx(10 * 32 / found.train_seconds), (
        "total over total"
    )
    assert found.optimizer["rule"] == "adam" and found.optimizer["lr"] == 0.01
    assert (
        found.parameters
        == build("simple_baseline", Model(sizes=TINY), PROTOCOL).parameter_count()
    )
    assert (tmp_path / found.checkpoint).exists()


class Stop(BaseException):
    """What a worker raises on SIGTERM."""


@pytest.fixture
def stoppable() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Stop

    before = signal.signal(signal.SIGTERM, stop)
    yield
    signal.signal(signal.SIGTERM, before)


def stop_in_step(backend: Backend, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM comes in the middle of a step: its batch is drawn, its weights are not yet
    written.
    """
    steps = 0
    make = type(backend).trainer

    def trapped(self: Backend, *args: Any) -> Any:
        trainer = make(self, *args)
        put = trainer.program.put

        def stopping(arrays: Any) -> Any:
            nonlocal steps
            steps += 1
            if steps == number:
                signal.raise_signal(signal.SIGTERM)
            return put(arrays)

        trainer.program.put = stopping
        return trainer

    monkeypatch.setattr(type(backend), "trainer", trapped)


@pytest.mark.parametrize("rule", ["adam", "sgd"])
def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    tmp_path: Path,
    backend: Backend,
    rule: str,
    stoppable: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = make_job(tmp_path / "whole", backend, optimizer=rule)
    parts = make_job(tmp_path / "parts", backend, optimizer=rule)
    due = run(whole, backend)
    with monkeypatch.context() as patch:
        stop_in_step(backend, 38, patch)
        with pytest.raises(Stop):
            train.run(parts, backend, "cpu", lambda text, share: None)
    saved = checkpoint.load(parts.checkpoint)
    assert saved.progress["step"] == 38, "the step under way is finished and nothing more"
    came = run(parts, backend)
    assert came.steps == due.steps == 60
    assert came.validation_mpjpe == due.validation_mpjpe
    assert came.loss_steps == (25, 38, 50, 60), "no loss is lost: the stop adds a point"
    for group in ("params", "optimizer", "scaling"):
        one, other = (
            getattr(checkpoint.load(job.checkpoint), group) for job in (whole, parts)
        )
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=f"{group} {name}")


@pytest.mark.parametrize("steps", ["[rotate, occlude]", "[{speed: {low: 0.5, high: 2}}]"])
def test_augmented_training_is_drawn_from_the_seed_alone(
    tmp_path: Path, steps: str, stoppable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quicker motion has fewer windows, and its epochs are as long all the same."""
    backend, file = backends.load("numpy"), tmp_path / "steps.yaml"
    file.write_text(f"steps: {steps}")
    plain, whole, parts = (
        make_job(tmp_path / name, backend, augment=each)
        for name, each in (("a", None), ("b", file), ("c", file))
    )
    due = run(whole, backend)
    assert due.augmentation.startswith(
        (
            "rotate (degrees 180.0), occlude (rate 0.5, seconds 0.4)",
            "speed (high 2.0, low 0.5)",
        )
    )
    assert (
        run(plain, backend).loss != due.loss
        and due.train_windows == run(plain, backend).train_windows
    )
    with monkeypatch.context() as patch:
        stop_in_step(backend, 38, patch)
        with pytest.raises(Stop):
            train.run(parts, backend, "cpu", lambda text, share: None)
    assert run(parts, backend).validation_mpjpe == due.validation_mpjpe
    one, other = (checkpoint.load(job.checkpoint).params for job in (whole, parts))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_every_epoch_is_augmented_anew(tmp_path: Path) -> None:
    backend, file = backends.load("numpy"), tmp_path / "steps.yaml"
    file.write_text("steps: [mask_joints]")
    job = make_job(tmp_path, backend, augment=file)
    renewed = train.loop_of(job, backend, "cpu", dataset.read(job.config)).epochs.renewed
    assert renewed is not None
    first, again, second = (renewed(epoch).single() for epoch in (0, 0, 1))
    assert (first == again).all() and (first != second).any()


def test_short_clips_are_left_out_and_long_ones_cut(tmp_path: Path) -> None:
    backend = backends.load("numpy")
    frames = [
        clip.frames for clip in dataset.read(make_job(tmp_path, backend).config).train
    ]
    cut = run(make_job(tmp_path / "cut", backend, steps=1, longest=10, shortest=5), backend)
    assert {*frames} == {16} and cut.train_windows == len(frames) * (10 + 6), (
        "a piece of ten frames and a rest of six"
    )
    assert (
        run(
            make_job(tmp_path / "left", backend, steps=1, longest=10, shortest=7), backend
        ).train_windows
        == len(frames) * 10
    )
    with pytest.raises(BadInput, match="none of .* clips has 17 frames"):
        run(make_job(tmp_path / "none", backend, steps=1, shortest=17), backend)


def test_overlapping_test_windows_are_averaged(tmp_path: Path) -> None:
    """A model of nine frames in and out sees a frame in up to nine windows."""
    backend, scores, hashes = backends.load("numpy"), {}, set[str]()
    for every in (None, 9, 1):
        model = Model(
            sizes={"width": 8, "representation": 8, "depth": 1, "heads": 2},
            test_every=every,
            train=Train(steps=1, batch=4),
        )
        config = Config(
            small=0.05, model={"motionbert": model}, device="cpu", metrics=("mpjpe",)
        )
        job = Job(
            task="train",
            backend="numpy",
            model="motionbert",
            config=config,
            folder=tmp_path / str(every),
        )
        train.run(job, backend, "cpu", lambda text, share: None)
        found = evaluate.run(job, backend, "cpu", lambda text, share: None).payload
        assert isinstance(found, Evaluation)
        scores[every] = found.metrics[0].frame_wise
        assert (f"windows every {every} frames averaged" in found.protocol_text) == (
            every is not None
        )
        hashes.add(found.protocol_hash)
    assert len(hashes) == 3, "a mean of predictions is another number"
    assert scores[1] != scores[None] == pytest.approx(scores[9], rel=0.05)
    model = Model(sizes=TINY, test_every=2, train=Train(steps=1, batch=4))
    skipping = make_job(tmp_path / "skipping", backend)
    skipping = skipping.model_copy(
        update={
            "config": skipping.config.model_copy(
                update={"model": {"simple_baseline": model}}
            )
        }
    )
    train.run(skipping, backend, "cpu", lambda text, share: None)
    with pytest.raises(BadInput, match="test_every: 2; at most 1 was due"):
        evaluate.run(skipping, backend, "cpu", lambda text, share: None)


def test_a_finished_training_is_not_done_again(tmp_path: Path, backend: Backend) -> None:
    job = make_job(tmp_path, backend)
    first, again = run(job, backend), run(job, backend)
    assert again == first


def test_a_checkpoint_of_another_configuration_is_not_gone_on_from(
    tmp_path: Path, backend: Backend
) -> None:
    run(make_job(tmp_path, backend), backend)
    fresh = run(make_job(tmp_path / "fresh", backend, lr=0.02), backend)
    over = run(make_job(tmp_path, backend, lr=0.02), backend)
    assert over.loss == fresh.loss and over.optimizer["lr"] == 0.02


def test_options_replace_the_recipe_and_the_recipe_fills_the_rest(
    tmp_path: Path, backend: Backend
) -> None:
    job = make_job(tmp_path, backend, lr=None)
    spec = build(job.model, job.settings, PROTOCOL)
    assert train.optimizer_of(job, spec).describe()["lr"] == spec.recipe.lr
    given = train.optimizer_of(
        make_job(tmp_path, backend, lr=0.3, weight_decay=0.2, optimizer="sgd"), spec
    )
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
    finding: Finding = evaluate.run(
        make_job(tmp_path, backend, task="evaluate"),
        backend,
        "cpu",
        lambda text, share: None,
    )
    assert (finding.status, finding.payload) == (
        "not_measured",
        None,
    ) and "run the train task first" in finding.reason


@pytest.mark.parametrize(
    ("model", "channels", "sequence", "flat"),
    [
        ("simple_baseline", 2, False, True),
        ("motionbert", 3, True, False),
        ("videopose3d", 2, False, False),
        ("poseformer", 2, False, False),
    ],
)
def test_a_feed_gives_each_model_what_it_takes(
    model: str, channels: int, sequence: bool, flat: bool
) -> None:
    protocol = protocols.default("synthetic")
    spec = build(model, Model(), protocol)
    feed = Feed(spec, protocol)
    assert (feed.channels, feed.sequence) == (channels, sequence)
    keypoints = np.arange(2 * spec.frames * 17 * channels, dtype=np.float32).reshape(
        2, spec.frames, 17, channels
    )
    shaped = feed.inputs(keypoints)["keypoints"]
    assert shaped.shape == ((2, 17 * channels) if flat else keypoints.shape)
    np.testing.assert_array_equal(shaped.ravel(), keypoints.ravel())
    outputs = spec.frames if sequence else 1
    target = np.ones((2, outputs, 17, 3), np.float32)
    assert feed.poses(feed.batch(keypoints, target)["target"]).shape == target.shape


def some_checkpoint() -> Checkpoint:
    arrays = {
        "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "steps": np.array(3),
    }
    return Checkpoint(
        arrays,
        {"a.weight#0": np.ones(2)},
        {},
        {"step": 3, "fingerprint": "f", "curve": {"loss": [0.5]}},
    )


def assert_same(came: Checkpoint, due: Checkpoint) -> None:
    assert came.progress == due.progress
    for group in checkpoint.GROUPS:
        ours, theirs = getattr(came, group), getattr(due, group)
        assert ours.keys() == theirs.keys()
        for name in theirs:
            np.testing.assert_array_equal(ours[name], theirs[name], strict=True)


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.safetensors"
    checkpoint.save(path, some_checkpoint())
    assert_same(checkpoint.load(path), some_checkpoint())
    assert [file.name for file in path.parent.iterdir()] == ["x.safetensors"], (
        "no draft is left"
    )
    assert sorted(load_file(path)) == [
        "optimizer/a.weight#0",
        "params/a.weight",
        "params/steps",
    ], "any tool can read it"


def test_a_save_that_fails_leaves_the_checkpoint_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, some_checkpoint())

    def full(arrays: Any, draft: Path, **more: Any) -> None:
        draft.write_bytes(b"half a fi")
        raise OSError("no space left on device")

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(path, Checkpoint({}, {}, {}, {"step": 4}))
    assert_same(checkpoint.load(path), some_checkpoint())


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def break_header(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"dtype"', b'"dtyqe"'))


def drop_progress(path: Path) -> None:
    save_file({"params/a": np.ones(2)}, path)


def break_progress(path: Path) -> None:
    save_file({"params/a": np.ones(2)}, path, metadata={"progress": "{"})


@pytest.mark.parametrize(
    "doctor", [truncate, empty, break_header, drop_progress, break_progress]
)
def test_a_doctored_checkpoint_is_bad_input(
    tmp_path: Path, doctor: Callable[[Path], None]
) -> None:
    path = tmp_path / "x.safetensors"
    checkpoint.save(path, some_checkpoint())
    doctor(path)
    with pytest.raises(BadInput, match=f"^{path}: not a checkpoint of PosePort"):
        checkpoint.load(path)


def test_an_absent_checkpoint_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no checkpoint there; train the model first"):
        checkpoint.load(tmp_path / "absent")


def test_weights_that_do_not_fit_are_bad_input(tmp_path: Path, backend: Backend) -> None:
    job = make_job(tmp_path, backend, steps=2)
    run(job, backend)
    found = checkpoint.load(job.checkpoint)
    name = next(name for name, array in found.params.items() if array.ndim == 2)
    shrunk = {**found.params, name: found.params[name][:-1]}
    checkpoint.save(
        job.checkpoint, Checkpoint(shrunk, found.optimizer, found.scaling, found.progress)
    )
    with pytest.raises(BadInput, match=f"does not fit.*{name} has shape"):
        train.run(job, backend, "cpu", lambda text, share: None)


def test_what_is_saved_is_json(tmp_path: Path, backend: Backend) -> None:
    job = make_job(tmp_path, backend, steps=2)
    run(job, backend)
    progress = checkpoint.load(job.checkpoint).progress
    assert json.loads(json.dumps(progress)) == progress
    assert set(progress) == {
        "fingerprint",
        "step",
        "seconds",
        "curve",
    } and Loop.__dataclass_fields__.keys() > {"step", "seconds", "curve"}

"""What a model is fed: which windows of which clips, in its own shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import backends
import models
from bench.config import Config, Model, Train
from bench.coordinator import dataset
from bench.coordinator.job import Job
from bench.coordinator.spec import build, skin_of
from bench.evaluation import task as evaluate
from bench.records import Evaluation
from bench.training import task as train
from bench.training.feed import Feed, feed_of
from models.errors import BadInput
from tests.bench.training.small_jobs import PROTOCOL, TINY, make_job, run


def test_every_epoch_is_augmented_anew(tmp_path: Path) -> None:
    backend, file = backends.load("numpy"), tmp_path / "steps.yaml"
    file.write_text("steps: [mask_joints]")
    job = make_job(tmp_path, backend, augment=file)
    loop = train.loop_of(job, backend, "cpu", dataset.read(job.config))
    renewed = loop.epochs.renewed
    assert renewed is not None
    first, again, second = (renewed(epoch).single() for epoch in (0, 0, 1))
    assert (first == again).all()
    assert (first != second).any()


def test_short_clips_are_left_out_and_long_ones_cut(tmp_path: Path) -> None:
    backend = backends.load("numpy")
    clips = dataset.read(make_job(tmp_path, backend).config).train
    assert {clip.frames for clip in clips} == {16}

    def windows(**lengths: int) -> int:
        folder = tmp_path / str(lengths)
        return run(make_job(folder, backend, steps=1, **lengths), backend).train_windows

    # a piece of ten frames and a rest of six, of which a window of one frame has all
    assert windows(longest=10, shortest=5) == len(clips) * (10 + 6)
    assert windows(longest=10, shortest=7) == len(clips) * 10, "the rest is too short"
    with pytest.raises(BadInput, match="none of .* clips has 17 frames"):
        windows(shortest=17)


def job_of(folder: Path, name: str, model: Model) -> Job:
    config = Config(small=0.05, model={name: model}, device="cpu", metrics=("mpjpe",))
    return Job(task="train", backend="numpy", model=name, config=config, folder=folder)


def evaluation(job: Job) -> Evaluation:
    """A step of training and what comes of it."""
    backend = backends.load("numpy")
    train.run(job, backend, "cpu", lambda text, share: None)
    found = evaluate.run(job, backend, "cpu", lambda text, share: None).payload
    assert isinstance(found, Evaluation)
    return found


def test_overlapping_test_windows_are_averaged(tmp_path: Path) -> None:
    """A model of nine frames in and out sees a frame in up to nine windows."""
    sizes = {"width": 8, "representation": 8, "depth": 1, "heads": 2}
    scores, hashes = {}, set[str]()
    for every in (None, 9, 1):
        model = Model(sizes=sizes, test_every=every, train=Train(steps=1, batch=4))
        found = evaluation(job_of(tmp_path / str(every), "motionbert", model))
        scores[every] = found.metrics[0].frame_wise
        said = f"windows every {every} frames averaged" in found.protocol_text
        assert said == (every is not None)
        hashes.add(found.protocol_hash)
    assert len(hashes) == 3, "a mean of predictions is another number"
    # at 9 only the last window of a clip overlaps another one
    assert scores[None] == pytest.approx(scores[9], rel=0.05)
    assert scores[1] != scores[None]


def test_test_windows_that_skip_frames_are_refused(tmp_path: Path) -> None:
    model = Model(sizes=TINY, test_every=2, train=Train(steps=1, batch=4))
    skipping = job_of(tmp_path, "simple_baseline", model)
    with pytest.raises(BadInput, match="test_every: 2; at most 1 was due"):
        evaluation(skipping)


@pytest.mark.parametrize("model", models.names())
def test_a_feed_gives_each_model_what_it_takes(model: str) -> None:
    spec = build(model, Model(preset="tiny"), PROTOCOL)
    feed = Feed(spec, PROTOCOL, skin=skin_of(spec, Model(preset="tiny"), PROTOCOL))
    if spec.reads == "images":
        pictures = np.zeros((2, *spec.train.inputs["images"].shape[1:]), np.float32)
        fed = feed.batch(pictures, np.ones((2, 1, 17, 3), np.float32))
        assert set(fed) == set(spec.train.inputs) >= {"images", "target"}
        assert (fed.get("known", np.ones(1)) == 1).all()
        return
    takes = spec.train.inputs["keypoints"].shape  # (batch, joints * channels) if flat
    gives = spec.train.inputs["target"].shape
    flat = len(takes) == 2
    channels = getattr(models.size(model, preset="tiny"), "channels", 2)
    outputs = 1 if flat or gives[1] == 1 else spec.frames
    assert feed.channels == channels
    assert feed.taught == (outputs > 1)
    window = (2, spec.frames, 17, channels)
    keypoints = np.arange(np.prod(window), dtype=np.float32).reshape(window)
    shaped = feed.inputs(keypoints)["keypoints"]
    assert shaped.shape == ((2, 17 * channels) if flat else window)
    np.testing.assert_array_equal(shaped.ravel(), keypoints.ravel())
    target = np.ones((2, outputs, 17, 3), np.float32)
    assert feed.poses(feed.batch(keypoints, target)["target"]).shape == target.shape


def test_a_causal_model_is_taught_and_scored_by_the_last_frame(tmp_path: Path) -> None:
    few = Train(steps=1, batch=16)
    sizes = {"width": 8, "widths": [3, 3], "dropout": 0.0, "causal": True}
    job = job_of(tmp_path, "videopose3d", Model(preset="tiny", sizes=sizes, train=few))
    feed = feed_of(job, PROTOCOL)
    clip = dataset.read(job.config).test[0]
    (first,), _ = feed.windows([clip], stride=None).batch([0])
    assert (feed.outputs, feed.windows([clip], stride=None).outputs) == ("last", 1)
    # all that it sees of the first frame is that frame
    assert (first == first[-1]).all()
    # plain NumPy cuts the windows once more: of training, validation and scores
    assert evaluation(job).checks


@pytest.mark.parametrize(
    ("model", "sizes"),
    [("videopose3d", {"joints_out": 1}), ("simple_baseline", {"outputs": 3})],
)
def test_a_model_of_other_joints_than_the_datas_is_refused(
    model: str, sizes: dict[str, int], tmp_path: Path
) -> None:
    job = job_of(tmp_path, model, Model(preset="tiny", sizes=sizes))
    said = f"{model} predicts 1 joints and the data have 17; choose a preset"
    with pytest.raises(BadInput, match=said):
        feed_of(job, PROTOCOL)


@pytest.mark.parametrize("pad", ["edge", "reflect"])
def test_a_feed_pads_as_its_job_asks(pad: str, tmp_path: Path) -> None:
    model = Model.model_validate({"preset": "tiny", "pad": pad})
    feed = feed_of(job_of(tmp_path, "videopose3d", model), PROTOCOL)
    assert feed.pad == pad
    clip = dataset.read(job_of(tmp_path, "videopose3d", model).config).test[0]
    windows = feed.windows([clip], stride=None)
    (first,), _ = windows.batch([0])
    middle = feed.spec.frames // 2
    # the frame before the first is the first again, or the one after it
    after = 0 if pad == "edge" else 1
    np.testing.assert_array_equal(first[middle - 1], first[middle + after])
    assert (first[middle - 1] != first[middle + 1 - after]).any()


def test_what_is_taught_on_all_frames_and_predicts_one_is_replayed_so(
    tmp_path: Path,
) -> None:
    sizes = {"width": 8, "hidden": 8}
    training = Train(steps=2, batch=8, validate_every=2, validation_windows=8)
    model = Model(preset="tiny", sizes=sizes, train=training)
    job = job_of(tmp_path, "pstmo", model)
    backend = backends.load("numpy")
    finding = train.run(job, backend, "cpu", lambda text, share: None)
    assert (finding.status, finding.reason) == ("ok", "")

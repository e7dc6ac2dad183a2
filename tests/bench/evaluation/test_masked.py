"""Masked models: what is hidden counts and nothing else, and guesses are made of what is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import models
from backends.base import Backend
from bench.config import Config, Model, Train
from bench.coordinator.job import Job
from bench.data import protocols
from bench.evaluation import masked
from bench.evaluation import task as evaluate
from bench.evaluation.baselines.predictors import frames_of
from bench.evaluation.masked import Answers
from bench.records import Evaluation, Training
from bench.training import task as train
from bench.training.feed import HIDDEN, HIDDEN_2D, SCREEN, Feed
from models import noise
from tests.data.small_clips import clip

PROTOCOL = protocols.load("synthetic")
SEVEN = [clip(7)]


def feed(model: str) -> Feed:
    return Feed(models.build(model, preset="tiny"), PROTOCOL)


def line(values: list[float], hidden: list[int], mean: float = -1.0) -> list[float]:
    """One coordinate of one joint, interpolated."""
    shown = np.array(values).reshape(1, -1, 1, 1)
    mask = np.zeros((1, len(values), 1), bool)
    mask[0, hidden] = True
    # what is hidden may be anything, and is not looked at
    shown[mask] = 1e9
    found = masked.interpolated(shown, mask, np.array([[mean]]))
    return found.ravel().tolist()


@pytest.mark.parametrize(
    ("values", "hidden", "due"),
    [
        ([0, 9, 9, 6], [1, 2], [0, 2, 4, 6]),
        ([9, 9, 4, 6], [0, 1], [4, 4, 4, 6]),  # before the first that is seen
        ([1, 4, 9, 9], [2, 3], [1, 4, 4, 4]),  # after the last
        ([9, 3, 9, 7, 9], [0, 2, 4], [3, 3, 5, 7, 7]),
        ([9, 9, 5, 9], [0, 1, 3], [5, 5, 5, 5]),
        ([9, 9], [0, 1], [-1, -1]),  # never seen: the mean
        ([2, 3], [], [2, 3]),
    ],
)
def test_lines_between_what_is_seen(
    values: list[float], hidden: list[int], due: list[float]
) -> None:
    assert line(values, hidden) == due


def test_joints_are_interpolated_each_for_itself() -> None:
    rng = np.random.default_rng(0)
    shown, hidden = rng.normal(size=(3, 6, 2, 2)), rng.random((3, 6, 2)) < 0.4
    mean = rng.normal(size=(2, 2))
    found = masked.interpolated(shown, hidden, mean)
    for window, joint, axis in np.ndindex(3, 2, 2):
        seen = np.flatnonzero(~hidden[window, :, joint])
        due = np.full(6, mean[joint, axis])
        if len(seen):
            due = np.interp(range(6), seen, shown[window, seen, joint, axis])
        np.testing.assert_allclose(found[window, :, joint, axis], due, atol=1e-12)


@pytest.mark.parametrize(
    ("model", "name", "unit"),
    [("keypoint_vit:3d", HIDDEN, "mm"), ("keypoint_vit:2d", HIDDEN_2D, SCREEN)],
)
def test_what_is_shown_does_not_count(model: str, name: str, unit: str) -> None:
    one = feed(model)
    windows = one.windows(SEVEN, stride=None)
    shape = (windows.scored, len(PROTOCOL.joints), one.coordinates)
    truth, hidden = np.zeros(shape, np.float32), np.zeros(shape[:2], bool)
    hidden[0, 3] = hidden[1, 3] = hidden[2, 4] = True
    made = np.full(shape, 5.0, np.float32)
    made[hidden] = 0.0
    # an error of 0.6 in one of three that are hidden
    made[2, 4, 0] = 0.6
    found = Answers(made=made, guessed={"none": truth}, truth=truth, hidden=hidden)
    metric, (guess,) = masked.scores(one, windows, found)
    assert (metric.name, metric.unit) == (name, unit)
    assert metric.frame_wise == pytest.approx(200.0)
    joints = PROTOCOL.joints
    assert metric.per_joint == pytest.approx({joints[3]: 0.0, joints[4]: 600.0})
    assert guess.metrics[0].frame_wise == 0.0


def test_where_the_truth_lacks_a_joint_nothing_counts() -> None:
    one = feed("keypoint_vit:3d")
    windows = one.windows(SEVEN, stride=None)
    truth = np.zeros((windows.scored, len(PROTOCOL.joints), 3), np.float32)
    truth[0, 3] = np.nan
    hidden = np.zeros(truth.shape[:2], bool)
    hidden[0, 3] = True
    found = Answers(made=truth * 0, guessed={}, truth=truth, hidden=hidden)
    metric, _ = masked.scores(one, windows, found)
    assert metric.frame_wise is None and not metric.per_joint


def test_masks_are_a_windows_own_whatever_its_batch() -> None:
    graph = models.build("keypoint_vit:3d", preset="tiny").infer
    whole = noise.fixed(graph, {"batch": 5}, range(5))["mask.tracks"]
    part = noise.fixed(graph, {"batch": 2}, [3, 1])["mask.tracks"]
    np.testing.assert_array_equal(part, whole[[3, 1]])
    assert len({row.tobytes() for row in whole}) > 1
    # of a model that hides nothing all samples have the same
    same = noise.fixed(graph, {"batch": 3})["mask.tracks"]
    assert (same == same[:1]).all()


def test_a_lifter_is_guessed_by_a_line_and_the_linear_map() -> None:
    one = feed("dstformer:pretrain")
    train_frames = frames_of(SEVEN, PROTOCOL)
    guess = masked.guesses(one, train_frames)
    assert guess.names == (
        "interpolation in time, then the least-squares linear map",
        "mean pose",
    )
    keypoints, _ = one.windows(SEVEN, stride=None).batch([0])
    # a confidence goes no way into the map
    shown = np.concatenate([keypoints[..., :2], keypoints[..., :1] * 0 + 1], axis=-1)
    nothing = np.zeros(shown.shape[:3], bool)
    filled = guess.filled(shown, nothing)
    np.testing.assert_allclose(filled, guess.filled(keypoints, nothing))
    assert filled.shape == (*shown.shape[:3], 3)


def test_keypoints_that_are_never_seen_move_with_the_others() -> None:
    one = feed("keypoint_vit:2d")
    guess = masked.guesses(one, frames_of(SEVEN, PROTOCOL))
    # everybody stands where the mean does, a step to the right
    shown = np.broadcast_to(guess.shown + [0.25, 0.0], (1, 4, *guess.shown.shape))
    hidden = np.zeros(shown.shape[:3], bool)
    hidden[:, :, 5] = True
    np.testing.assert_allclose(guess.filled(shown, hidden), shown, atol=1e-7)
    # where nobody is seen there is no step
    alone = guess.filled(shown, np.ones_like(hidden))
    np.testing.assert_allclose(alone[0, 0], guess.shown)


def job_of(folder: Path, model: str, backend: Backend, task: str, inputs: str) -> Job:
    given = {"steps": 4, "batch": 8, "validate_every": 2, "validation_windows": 32}
    chosen = Train.model_validate({**given, "inputs": inputs})
    settings = Model(preset="tiny", train=chosen)
    config = Config(small=0.02, model={model: settings}, device="cpu", threads=1)
    return Job(
        task=task, backend=backend.name, model=model, config=config, folder=folder
    )


@pytest.mark.parametrize(
    ("model", "inputs", "name"),
    [
        ("keypoint_vit:2d", "zscore", HIDDEN_2D),
        ("dstformer:pretrain", "zscore", HIDDEN),
    ],
)
def test_a_masked_stage_is_trained_and_judged(
    model: str, inputs: str, name: str, backend: Backend, tmp_path: Path
) -> None:
    if backend.name == "numpy":
        pytest.skip("NumPy is fed its noise and draws none: it trains no masked model")
    job = job_of(tmp_path, model, backend, "train", inputs)
    trained = train.run(job, backend, "cpu", lambda text, share: None)
    assert trained.status == "ok", trained.reason
    assert isinstance(trained.payload, Training)
    assert trained.payload.validation_of == name
    job = job_of(tmp_path, model, backend, "evaluate", inputs)
    judged = evaluate.run(job, backend, "cpu", lambda text, share: None)
    # every check of the oracle: windows, masks, poses, scores, the last validation
    assert judged.status == "ok", judged.reason
    payload = judged.payload
    assert isinstance(payload, Evaluation)
    assert payload.headline == payload.metrics[0].name == name
    assert payload.headlined(payload.metrics) is not None
    first, second = payload.guesses
    errors = [payload.headlined(guess.metrics) for guess in payload.guesses]
    assert first.name.startswith("interpolation in time") and None not in errors
    assert second.name in ("mean pose", "mean keypoints")
    assert "entries that are hidden" in payload.note
    assert set(payload.left_out) >= {first.name, second.name}

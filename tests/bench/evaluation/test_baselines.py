"""The trivial predictors: they find what is there to be found."""

from __future__ import annotations

import numpy as np
import pytest

from bench import data
from bench.data.batches.windows import Windows
from bench.evaluation.baselines.predictors import baselines, linear_map, mean_pose
from bench.evaluation.score import score


@pytest.fixture(scope="module")
def split() -> data.Split:
    return data.load("synthetic", small=0.06)


def test_mean_pose_is_the_mean(split: data.Split) -> None:
    train = Windows(split.train, frames=1)
    found = mean_pose(train)(train.single()[:3])
    np.testing.assert_allclose(
        found, np.broadcast_to(train.truth().mean(axis=0), (3, 17, 3)), atol=1e-6
    )


def test_linear_map_recovers_an_affine_truth(split: data.Split) -> None:
    train = Windows(split.train, frames=1)
    weights, bias = np.random.default_rng(0).normal(size=(34, 51)), np.arange(51)

    def affine(keypoints: np.ndarray) -> np.ndarray:
        # 17 joints of two coordinates in, of three out
        return (keypoints.reshape(-1, 34) @ weights + bias).reshape(-1, 17, 3)

    made = affine(train.single()).astype(np.float32)
    train.truth = lambda: made  # type: ignore[method-assign]
    test = Windows(split.test, frames=1).single()
    expected = affine(test)
    np.testing.assert_allclose(linear_map(train)(test), expected, atol=0.02)


def test_linear_beats_mean_and_both_carry_every_metric(split: data.Split) -> None:
    train = Windows(split.train, frames=1)
    test = Windows(split.test, frames=9, outputs="all")
    mean, linear = baselines(train, test, protocol=split.protocol)
    assert (mean.name, linear.name) == ("mean pose", "least-squares linear map")
    for metric, other in zip(mean.metrics, linear.metrics, strict=True):
        assert metric.name == other.name
        assert metric.frame_wise is not None
        assert other.frame_wise is not None
    assert linear.metrics[0].frame_wise < mean.metrics[0].frame_wise  # type: ignore[operator]
    assert set(linear.metrics[0].per_action) == {clip.action for clip in split.test}


def test_score_of_the_truth_is_zero_whatever_the_windows(split: data.Split) -> None:
    for options in (
        {"frames": 1},
        {"frames": 9, "outputs": "all"},
        {"frames": 9, "every": 4},
    ):
        test = Windows(split.test, **options)  # type: ignore[arg-type]
        mpjpe, *_ = score(1000 * test.truth(), test, protocol=split.protocol)
        assert mpjpe.frame_wise == pytest.approx(0, abs=1e-3)


def test_velocity_does_not_cross_clips(split: data.Split) -> None:
    test = Windows(split.test, frames=1)
    # a shift that is constant within each clip
    jumps = 100.0 * test.clip_numbers()[:, None, None]
    moved = 1000 * test.truth() + jumps
    found = {each.name: each for each in score(moved, test, protocol=split.protocol)}
    assert found["MPJVE"].frame_wise == pytest.approx(0, abs=1e-3)
    assert found["MPJPE"].frame_wise > 1000  # type: ignore[operator]

"""Joints that the truth lacks: every metric is that of the joints that are there."""

from __future__ import annotations

import numpy as np
import pytest

from bench import metrics
from bench.data.geometry.skeletons import H36M17
from bench.evaluation.oracle import measures
from bench.metrics import Facts
from tests.bench.metrics.poses import BONES, CLIPS, POSES, TWINS, run, under

DRAW = np.random.default_rng(3)
PRED = POSES + DRAW.normal(0, 90, POSES.shape)
NAMES = [
    name
    for name in metrics.names()
    if getattr(metrics.load(name), "NEEDS", None)
    not in ("roots", "vertices", "regressed")
]


def lacking(joints: list[int], frames: slice = slice(None)) -> np.ndarray:
    """The truth without some joints, of which one coordinate is enough."""
    true = POSES.copy()
    true[frames, joints, 1] = np.nan
    return true


@pytest.mark.parametrize("name", NAMES)
def test_a_joint_that_is_never_there_is_as_one_that_does_not_count(name: str) -> None:
    gone = [5, 13]
    left = tuple(j for place, j in enumerate(H36M17.joints) if place not in gone)
    came = run(PRED, lacking(gone), metrics=[name])
    due = run(PRED, POSES, metrics=[name], protocol=under(scored=left))
    (came_one,), (due_one,) = came.values(), due.values()
    for field in ("frame_wise", "action_wise", "per_action", "per_joint"):
        expected = pytest.approx(getattr(due_one, field), rel=1e-9)
        assert getattr(came_one, field) == expected, field


@pytest.mark.parametrize("name", NAMES)
def test_poses_that_are_whole_keep_their_numbers(name: str) -> None:
    true = lacking([2], slice(10, 12))
    kind = metrics.load(name)
    facts = Facts(CLIPS, BONES, TWINS)
    pred = np.where(np.isnan(true).any(axis=2, keepdims=True), np.nan, PRED)
    true = np.where(np.isnan(pred), np.nan, true)
    came, due = kind.values(pred, true, facts), kind.values(PRED, POSES, facts)
    # changes from frame to frame look at one or two frames before
    touched = np.zeros(40, bool)
    touched[10 : 12 + getattr(kind, "REACH", 0)] = True
    np.testing.assert_allclose(came[~touched], due[~touched], rtol=1e-10)
    if due.ndim == 2:
        assert np.isnan(came[touched][:, 2]).all()
        assert np.isfinite(came[touched][:, 3]).all()
    else:
        assert np.isfinite(came).all()


def test_a_mean_is_over_the_entries_that_are_there() -> None:
    true = lacking([1, 4, 7], slice(0, 25))
    apart = np.sqrt(((PRED - POSES) ** 2).sum(axis=-1))
    apart[np.isnan(true).any(axis=-1)] = np.nan
    found = run(PRED, true)["MPJPE"]
    assert found.frame_wise == pytest.approx(np.nanmean(apart))
    assert found.per_action["a"] == pytest.approx(np.nanmean(apart[:30]))
    assert found.per_joint["RHip"] == pytest.approx(np.nanmean(apart[:, 1]))
    assert found.per_joint["Hip"] == pytest.approx(apart[:, 0].mean())


def test_a_frame_without_a_root_parts_the_frames_around_it() -> None:
    true = POSES.copy()
    true[10] = np.nan
    found = run(PRED, true)
    error = PRED - POSES
    speed = np.sqrt((np.diff(error, axis=0) ** 2).sum(axis=-1))
    # 9 to 10, 10 to 11, and from one clip to the other
    kept = np.delete(speed, [9, 10, 19], axis=0)
    assert found["MPJVE"].frame_wise == pytest.approx(kept.mean())
    apart = np.sqrt((np.delete(error, 10, axis=0) ** 2).sum(axis=-1))
    assert found["MPJPE"].frame_wise == pytest.approx(apart.mean())


def test_fewer_than_three_joints_align_nothing() -> None:
    true = lacking(list(range(2, 17)), slice(0, 5))
    found = run(PRED, true)
    due = run(PRED[5:], POSES[5:], actions=["a"] * 25 + ["b"] * 10, clips=CLIPS[5:])
    for name in ("PA-MPJPE", "PA-MPJPE, no scale", "N-MPJPE"):
        assert found[name].frame_wise == pytest.approx(due[name].frame_wise)
    assert found["MPJPE"].frame_wise != pytest.approx(due["MPJPE"].frame_wise)


def test_of_nothing_there_is_no_number() -> None:
    found = run(PRED, np.full_like(POSES, np.nan))
    assert {metric.frame_wise for metric in found.values()} == {None}
    assert {tuple(metric.per_joint) for metric in found.values()} == {()}


def test_the_best_hypothesis_is_the_best_of_the_joints_that_are_there() -> None:
    near, far = POSES + 10, POSES + 500
    # first the wrong one, which an error that is no number would choose
    both = np.stack([far, near], axis=1)
    found = run(both, lacking([3]), protocol=under(hypotheses="best"))
    assert found["MPJPE"].frame_wise == pytest.approx(10 * np.sqrt(3))


@pytest.mark.parametrize("name", NAMES)
def test_the_oracle_measures_the_same_by_arithmetic_of_its_own(name: str) -> None:
    true = POSES.copy()
    true[DRAW.random(POSES.shape[:2]) < 0.3] = np.nan
    true[4, 2:] = np.nan
    pred = np.where(np.isnan(true), np.nan, PRED)
    clips = np.zeros(40, int)
    mirror = list(H36M17.mirror)
    measure, reach = measures.by_file(list(H36M17.bones), mirror)[name]
    right = metrics.load(name).values(pred, true, Facts(clips, BONES, TWINS))
    np.testing.assert_allclose(measure(pred, true), right[reach:], rtol=1e-6)

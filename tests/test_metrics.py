"""Metrics: by hand where a hand can, by invariance where the mathematics says so, and never a silent NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.spatial.transform import Rotation

from bench import metrics
from bench.data import protocols
from bench.data.skeletons import H36M17
from bench.metrics import pa_mpjpe
from models.errors import BadInput, UnknownName

PROTOCOL = protocols.load("synthetic")
DRAW = np.random.default_rng(0)
POSES = DRAW.normal(0, 300, (40, 17, 3))
CLIPS = np.repeat([0, 1], 20)


def value(name: str, pred: np.ndarray, true: np.ndarray, clips: np.ndarray | None = None) -> np.ndarray:
    return metrics.load(name).values(pred, true, clips=np.zeros(len(pred), int) if clips is None else clips)


def run(pred: np.ndarray, true: np.ndarray, **options: object) -> dict[str, metrics.Metric]:
    given_: dict[str, object] = {"actions": ["a"] * 30 + ["b"] * 10, "clips": CLIPS, "joint_names": H36M17.joints, "protocol": PROTOCOL}
    return {metric.name: metric for metric in metrics.evaluate(pred, true, **{**given_, **options})}  # type: ignore[arg-type]


@pytest.mark.parametrize("name", metrics.names())
def test_a_perfect_prediction(name: str) -> None:
    metric = metrics.load(name)
    best = {"PCK@150": 100.0, "AUC": 100 * 30 / 31}.get(metric.NAME, 0.0)
    found = value(name, POSES, POSES)
    np.testing.assert_allclose(found[np.isfinite(found)], best, atol=1e-9)
    assert metric.BETTER in ("lower", "higher") and metric.UNIT


def test_by_hand() -> None:
    true = np.zeros((1, 2, 3))
    pred = np.array([[[3.0, 4, 0], [0, 0, 145]]])
    assert value("mpjpe", pred, true)[0] == pytest.approx(75)
    assert value("pck150", pred, true)[0] == 100
    assert value("auc", pred, true)[0] == pytest.approx(100 * (29 + 1) / 2 / 31)  # 5 < 10..150 (29); 145 < 150 (1)


@pytest.mark.parametrize(
    ("distance", "pck", "passed"), [(0, 100, 30), (4.999, 100, 30), (5, 100, 29), (149.999, 100, 1), (150, 0, 0), (900, 0, 0)]
)
def test_thresholds_are_strict(distance: float, pck: float, passed: int) -> None:
    pred = np.array([[[distance, 0.0, 0.0]]])
    assert value("pck150", pred, 0 * pred)[0] == pck
    assert value("auc", pred, 0 * pred)[0] == pytest.approx(100 * passed / 31)
    assert passed == sum(distance < threshold for threshold in range(0, 151, 5))


def test_velocity_stays_within_a_clip() -> None:
    true = np.zeros((5, 1, 3))
    pred = true.copy()
    pred[:, 0, 0] = [0, 2, 6, 100, 101]
    np.testing.assert_array_equal(value("mpjve", pred, true, np.array([7, 7, 7, 8, 8])), [np.nan, 2, 4, np.nan, 1])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_alignment_undoes_a_similarity(seed: int, scale: float) -> None:
    draw = np.random.default_rng(seed)
    turn = Rotation.random(rng=draw).as_matrix()
    moved = scale * POSES @ turn.T + draw.normal(0, 500, 3)
    np.testing.assert_allclose(value("pa_mpjpe", moved, POSES), 0, atol=1e-6)
    np.testing.assert_allclose(value("n_mpjpe", scale * POSES, POSES), 0, atol=1e-6)
    noisy = POSES + draw.normal(0, 50, POSES.shape)
    np.testing.assert_allclose(value("pa_mpjpe", scale * noisy @ turn.T, POSES), value("pa_mpjpe", noisy, POSES), rtol=1e-6)
    np.testing.assert_allclose(value("mpjpe", noisy @ turn.T, POSES @ turn.T), value("mpjpe", noisy, POSES), rtol=1e-9)


def test_alignment_agrees_with_scipy() -> None:
    noisy = POSES + DRAW.normal(0, 100, POSES.shape)
    for pred, true, aligned in zip(noisy, POSES, pa_mpjpe.align(noisy, POSES), strict=True):
        first, second, _ = procrustes(true, pred)  # both centred, the first of norm 1
        norm = np.linalg.norm(true - true.mean(0))
        np.testing.assert_allclose(aligned - true.mean(0), second * norm, atol=1e-6)
        np.testing.assert_allclose((true - true.mean(0)) / norm, first, atol=1e-9)


def test_alignment_never_mirrors() -> None:
    mirrored = POSES * [-1, 1, 1]
    assert value("pa_mpjpe", mirrored, POSES).min() > 10
    found = pa_mpjpe.align(mirrored, POSES)
    centred = (found - found.mean(1, keepdims=True))[:, :3], (mirrored - mirrored.mean(1, keepdims=True))[:, :3]
    assert (np.linalg.det(centred[0]) * np.linalg.det(centred[1]) > 0).all()


def test_alignment_never_does_worse_than_no_rotation() -> None:
    noisy = POSES + DRAW.normal(0, 200, POSES.shape)
    square = lambda pose: ((pose - POSES) ** 2).sum(axis=(1, 2))  # noqa: E731
    shifted = noisy - noisy.mean(1, keepdims=True) + POSES.mean(1, keepdims=True)
    assert (square(pa_mpjpe.align(noisy, POSES)) <= square(shifted) + 1e-6).all()


def test_degenerate_poses_give_numbers() -> None:
    line = np.linspace(0, 1, 17)[:, None] * np.array([1.0, 2, 3])
    plane = POSES[0] * [1, 1, 0]
    odd = np.stack([np.zeros((17, 3)), np.ones((17, 3)), 100 * line, plane, -POSES[0], 1e-30 * POSES[0], 1e12 * POSES[0]])
    for name in metrics.names():
        for pred, true in ((odd, POSES[:7]), (POSES[:7], odd), (odd, odd)):
            assert np.isfinite(value(name, pred, true)[1 if name == "mpjve" else 0 :]).all(), name
    np.testing.assert_allclose(value("pa_mpjpe", odd[2:4], odd[2:4]), 0, atol=1e-9)


def test_means_by_frame_action_and_joint() -> None:
    pred = POSES.copy()
    pred[:30, 3, 0] += 17  # one joint of 17 by 17 mm: 1 mm in the mean
    pred[30:, 5, 1] += 51
    found = run(pred, POSES)["MPJPE"]
    assert found.per_action == pytest.approx({"a": 1.0, "b": 3.0})
    assert found.frame_wise == pytest.approx(1.5) and found.action_wise == pytest.approx(2.0)
    assert found.per_joint["RFoot"] == pytest.approx(17 * 0.75) and found.per_joint["LKnee"] == pytest.approx(51 * 0.25)
    assert list(found.per_joint) == list(H36M17.joints)


def test_the_headline_comes_first_and_all_are_there() -> None:
    assert list(run(POSES, POSES)) == ["MPJPE", "AUC", "MPJVE", "N-MPJPE", "PA-MPJPE", "PCK@150"]
    assert list(run(POSES, POSES, metrics=["auc"])) == ["AUC"]


def test_only_scored_joints_count() -> None:
    pred = POSES.copy()
    pred[:, 0] += 1000
    few = PROTOCOL.model_copy(update={"scored": ("Head", "RFoot")})
    assert run(pred, POSES)["MPJPE"].frame_wise != 0
    assert run(pred, POSES, protocol=few)["MPJPE"].frame_wise == 0
    assert set(run(pred, POSES, protocol=few)["MPJPE"].per_joint) == {"Head", "RFoot"}


def test_velocity_is_not_measured_where_frames_are_skipped() -> None:
    assert run(POSES, POSES, protocol=PROTOCOL.model_copy(update={"test_stride": 64}))["MPJVE"].frame_wise is None
    one = run(POSES[:2], POSES[:2], actions=["a", "b"], clips=[0, 1])["MPJVE"]
    assert one.frame_wise is None and one.per_action == {}


def test_a_diverged_model_is_not_a_number() -> None:
    pred = POSES.copy()
    pred[7, 2] = np.nan
    with pytest.raises(BadInput, match="1 predictions are not finite, the first at pose 7"):
        run(pred, POSES)
    with pytest.raises(BadInput, match="truth"):
        run(POSES, pred)


def test_wrong_shapes_and_names() -> None:
    with pytest.raises(BadInput, match=r"\(40, 16, 3\)"):
        run(POSES[:, :16], POSES)
    with pytest.raises(BadInput, match="39 clips"):
        run(POSES, POSES, clips=CLIPS[:39])
    with pytest.raises(UnknownName, match="did you mean pa_mpjpe"):
        metrics.load("pa-mpjpe")
    with pytest.raises(UnknownName, match="joint"):
        run(POSES, POSES, protocol=PROTOCOL.model_copy(update={"scored": ("Tail",)}))

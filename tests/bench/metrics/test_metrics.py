"""Metrics: by hand where a hand can, by invariance where the mathematics says so.

And never a silent NaN. How they are averaged is in `test_evaluate.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

from bench import metrics
from bench.data.geometry.skeletons import H36M17
from bench.metrics import _procrustes
from bench.metrics._facts import bones
from tests.bench.metrics.poses import BONES, CLIPS, POSES, TWINS, value

# what some metrics need, for each the field of `Facts`
NEEDS = {name: getattr(metrics.load(name), "NEEDS", None) for name in metrics.names()}
# those that need poses alone, of which bones are made
ON_JOINTS = tuple(
    name for name, need in NEEDS.items() if need in (None, "bones", "twins")
)
ANY_ORDER = tuple(name for name in ON_JOINTS if NEEDS[name] is None)


def similarity(seed: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and shift."""
    draw = np.random.default_rng(seed)
    return (
        draw.uniform(0.1, 10),
        Rotation.random(rng=draw).as_matrix(),
        draw.normal(0, 500, 3),
    )


@pytest.mark.parametrize("name", ON_JOINTS)
def test_a_perfect_prediction(name: str) -> None:
    metric = metrics.load(name)
    # nothing is nearer than 0, the first of 31 thresholds
    best = {"PCK@150": 100.0, "AUC": 100 * 30 / 31}.get(metric.NAME, 0.0)
    true = POSES.copy()
    # symmetric people: else their bones are not
    true[:, H36M17.left] = true[:, H36M17.right] * [-1, 1, 1]
    sided = H36M17.left + H36M17.right
    middle = [joint for joint in range(17) if joint not in sided]
    true[:, middle, 0] = 0
    found = value(name, true, true)
    assert_allclose(found[np.isfinite(found)], best, atol=1e-9)
    # reports sort by it
    assert metric.BETTER in ("lower", "higher")
    assert metric.UNIT


def test_by_hand() -> None:
    # a joint 5 mm off and one 145
    true = np.zeros((1, 2, 3))
    pred = np.array([[[3.0, 4, 0], [0, 0, 145]]])
    assert value("mpjpe", pred, true)[0] == pytest.approx(75)
    assert value("pck150", pred, true)[0] == 100
    # 5 < 10..150 (29); 145 < 150 (1)
    assert value("auc", pred, true)[0] == pytest.approx(100 * (29 + 1) / 2 / 31)


@pytest.mark.parametrize(
    ("distance", "pck", "passed"),
    [
        (0, 100, 30),
        (4.999, 100, 30),
        (5, 100, 29),
        (149.999, 100, 1),
        (150, 0, 0),
        (900, 0, 0),
    ],
)
def test_thresholds_are_strict(distance: float, pck: float, passed: int) -> None:
    pred = np.array([[[distance, 0.0, 0.0]]])
    assert value("pck150", pred, 0 * pred)[0] == pck
    assert value("auc", pred, 0 * pred)[0] == pytest.approx(100 * passed / 31)
    # the definition, written out
    assert passed == sum(distance < threshold for threshold in range(0, 151, 5))


def test_changes_stay_within_a_clip() -> None:
    true = np.zeros((7, 1, 3))
    pred = true.copy()
    # the jump to 100 is between two clips, and no motion
    pred[:, 0, 0] = [0, 2, 6, 100, 101, 105, 110]
    clips = np.array([7, 7, 7, 8, 8, 8, 8])
    assert_array_equal(
        value("mpjve", pred, true, clips),
        [np.nan, 2, 4, np.nan, 1, 4, 5],
    )
    assert_array_equal(
        value("acceleration", pred, true, clips),
        [np.nan, np.nan, 2, np.nan, np.nan, 3, 1],
    )
    assert_array_equal(
        value("acceleration", pred, true, np.arange(7)),
        np.full(7, np.nan),
    )


def of(poses: np.ndarray, joint: str, side: str) -> np.ndarray:
    """One joint (N, 3), its name with {} for the side."""
    return poses[:, H36M17.index(joint.format(side))]


def test_bones_by_hand() -> None:
    true = POSES[:3]
    pred = true.copy()
    elbow, wrist = H36M17.indices(("LElbow", "LWrist"))
    arm = true[:, wrist] - true[:, elbow]
    # one bone of 16 is 16 mm longer
    pred[:, wrist] += 16 * arm / np.linalg.norm(arm, axis=-1)[:, None]
    assert_allclose(value("bone_length", pred, true), 1.0)
    by_hand = []
    for parent, child in (
        ("{}Hip", "{}Knee"),
        ("{}Knee", "{}Foot"),
        ("{}Shoulder", "{}Elbow"),
        ("{}Elbow", "{}Wrist"),
        ("Hip", "{}Hip"),
        ("Thorax", "{}Shoulder"),
    ):
        left, right = (
            np.linalg.norm(of(pred, child, side) - of(pred, parent, side), axis=-1)
            for side in "LR"
        )
        by_hand.append(abs(left - right))
    assert_allclose(value("bone_symmetry", pred, true), np.mean(by_hand, axis=0))
    # arms and legs, hips and shoulders
    assert len(TWINS) == 6
    assert len(BONES) == 16


def test_bones_with_an_end_that_does_not_count_are_left_out() -> None:
    # the left hip is missing, so the left thigh is no bone, and the knees pair by their shanks
    few, twins = bones(H36M17, ("RHip", "RKnee", "RFoot", "LKnee", "LFoot", "Head"))
    assert few == (
        (0, 1),
        (1, 2),
        (3, 4),
    )
    assert twins == ((1, 2),)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_alignment_undoes_a_similarity(seed: int) -> None:
    scale, turn, shift = similarity(seed)
    assert_allclose(
        value("pa_mpjpe", scale * POSES @ turn.T + shift, POSES),
        0,
        atol=1e-6,
    )
    assert_allclose(
        value("pa_mpjpe_rigid", POSES @ turn.T + shift, POSES),
        0,
        atol=1e-6,
    )
    assert_allclose(value("n_mpjpe", scale * POSES, POSES), 0, atol=1e-6)
    # and what is left of a real error does not change either
    noisy = POSES + np.random.default_rng(seed).normal(0, 50, POSES.shape)
    moved = noisy @ turn.T + shift
    for name, other, rtol in (
        ("pa_mpjpe", scale * moved, 1e-6),
        ("pa_mpjpe_rigid", moved, 1e-6),
        ("n_mpjpe", scale * noisy, 1e-9),
    ):
        plain = value(name, noisy, POSES)
        assert_allclose(value(name, other, POSES), plain, rtol=rtol, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_what_changes_no_metric(seed: int) -> None:
    """Turning both sides, moving both sides, and putting the joints in another order."""
    _, turn, shift = similarity(seed)
    draw = np.random.default_rng(seed)
    noisy = POSES + draw.normal(0, 50, POSES.shape)
    order = draw.permutation(17)
    for name in ON_JOINTS:
        plain = value(name, noisy, POSES, CLIPS)
        found = value(name, noisy @ turn.T, POSES @ turn.T, CLIPS)
        assert_allclose(found, plain, rtol=1e-7, atol=1e-9, err_msg=name)
        if name != "n_mpjpe":  # its scale is about the root
            found = value(name, noisy + shift, POSES + shift, CLIPS)
            assert_allclose(found, plain, rtol=1e-7, atol=1e-9, err_msg=name)
        # bones are told by their places, so that metrics of them do care
        if name in ANY_ORDER:
            found = value(name, noisy[:, order], POSES[:, order], CLIPS)
            assert_allclose(found, plain, rtol=1e-9, atol=1e-9, err_msg=name)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_each_freedom_can_only_help(seed: int) -> None:
    """Similarity <= rigid <= shift alone, and similarity <= scale alone.

    In squares, which are what alignment makes least.
    """
    noisy = POSES * 1.3 + np.random.default_rng(seed).normal(0, 200, POSES.shape)
    centred, truth = (
        pose - pose.mean(axis=1, keepdims=True) for pose in (noisy, POSES)
    )
    rigid = total(_procrustes.residuals(noisy, POSES, scaled=False) ** 2)
    similar = total(_procrustes.residuals(noisy, POSES) ** 2)
    assert (similar <= rigid + 1e-6).all()
    assert (rigid <= total((centred - truth) ** 2) + 1e-6).all()
    # the best scale alone, by least squares
    scale = total(centred * truth) / total(centred**2)
    assert (similar <= total((scale * centred - truth) ** 2) + 1e-6).all()


def total(values: np.ndarray) -> np.ndarray:
    """The sum over a pose (N, 1, 1)."""
    return values.sum(axis=(1, 2), keepdims=True)


def test_degenerate_poses_give_numbers() -> None:
    line = np.linspace(0, 1, 17)[:, None] * np.array([1.0, 2, 3])
    plane = POSES[0] * [1, 1, 0]
    # a point, another, a line, a plane, a mirror image, next to nothing, as far as the moon
    odd = np.stack(
        [
            np.zeros((17, 3)),
            np.ones((17, 3)),
            100 * line,
            plane,
            -POSES[0],
            1e-30 * POSES[0],
            1e12 * POSES[0],
        ]
    )
    for name in ON_JOINTS:
        # frames without a neighbour before them have no number, and need none
        first = getattr(metrics.load(name), "REACH", 0)
        for pred, true in (
            (odd, POSES[:7]),
            (POSES[:7], odd),
            (odd, odd),
        ):
            assert np.isfinite(value(name, pred, true)[first:]).all(), name
    assert_allclose(
        value("pa_mpjpe", odd[2:4], odd[2:4]),
        0,
        atol=1e-9,
    )

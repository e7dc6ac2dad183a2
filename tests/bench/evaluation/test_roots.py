"""The place of a root, found by where its pose is seen."""

from __future__ import annotations

import numpy as np
import pytest

from bench.data.geometry.cameras import look_at, project
from bench.evaluation import roots
from bench.metrics import View

Array = np.ndarray
DRAW = np.random.default_rng(0)
POSES = DRAW.normal(0, 400, (6, 17, 3))
CLIPS = np.array([0, 0, 0, 1, 1, 1])
WHERE = np.array([100.0, -50.0, 4000.0]) + DRAW.normal(0, 200, (6, 3))
CAMERAS = {
    0: look_at(
        np.array([0.0, -4000, 1500]), np.zeros(3), focal=1100.0, size=(1000, 1002)
    ),
    1: look_at(np.array([4000.0, 0, 1500]), np.zeros(3), focal=900.0, size=(900, 800)),
}


def view(poses: Array) -> View:
    seen = np.empty((6, 17, 2))
    for number, camera in CAMERAS.items():
        mine = number == CLIPS
        seen[mine] = project(camera, poses[mine] + WHERE[mine, None])
    return View(keypoints=seen, roots=WHERE, cameras=CAMERAS)


def test_a_true_pose_stands_where_it_is_seen() -> None:
    true = POSES - POSES[:, :1]
    found = roots.fitted(true, view(true), CLIPS, root=0)
    np.testing.assert_allclose(found, WHERE, atol=1e-6)
    # wherever the model has put its own root
    moved = true + [30.0, 20.0, -10.0]
    found = roots.fitted(moved, view(true), CLIPS, root=0)
    np.testing.assert_allclose(found, WHERE, atol=1e-6)


def test_half_a_pose_stands_at_half_the_distance() -> None:
    true = POSES - POSES[:, :1]
    found = roots.fitted(true / 2, view(true), CLIPS, root=0)
    np.testing.assert_allclose(found, WHERE / 2, atol=1e-6)


def test_keypoints_in_one_place_give_a_place_all_the_same() -> None:
    true = POSES - POSES[:, :1]
    one = view(true)
    one.keypoints[:] = 500.0
    assert np.isfinite(roots.fitted(true, one, CLIPS, root=0)).all()


@pytest.mark.parametrize("off", [1.0, 5.0])
def test_noise_on_keypoints_is_noise_on_the_root(off: float) -> None:
    true = POSES - POSES[:, :1]
    noisy = view(true)
    noisy.keypoints[:] += DRAW.normal(0, off, noisy.keypoints.shape)
    apart = np.linalg.norm(roots.fitted(true, noisy, CLIPS, root=0) - WHERE, axis=1)
    assert 0 < apart.mean() < 30 * off

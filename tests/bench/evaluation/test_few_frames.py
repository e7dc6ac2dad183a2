"""Few frames in which hardly anything moves: honest numbers are not accused of it."""

from __future__ import annotations

import numpy as np

from bench.evaluation import task
from bench.evaluation.baselines import predictors
from bench.evaluation.baselines.held import CUT
from bench.evaluation.oracle.scaling import Scaling
from bench.parity import budget

STILL = 1e-4  # of the screen: a tenth of a pixel


def standing() -> np.ndarray:
    """Keypoints (frames, joints, 2) on the screen of somebody who hardly moves."""
    draw = np.random.default_rng(3)
    return draw.uniform(-0.9, 0.9, (17, 2)) + STILL * draw.normal(size=(40, 17, 2))


def test_a_standstill_is_given_the_rounding_that_scaling_magnifies() -> None:
    exact = standing()
    fitted = Scaling(exact.mean(axis=0), exact.std(axis=0))
    rough = exact.astype(np.float32)
    own = (rough - rough.mean(axis=0)) / rough.std(axis=0)
    due = fitted.scaled(exact)
    off = np.abs(own - due).max() / np.abs(due).max()
    rounding = fitted.rounding(exact) / np.abs(due).max()
    assert budget.bound("node", 0.0) < off < budget.bound("node", rounding)
    # of somebody who moves it is next to nothing
    wide = Scaling(exact.mean(axis=0), np.full((17, 2), 0.2))
    assert wide.rounding(exact) < 1e-5


class Windows:
    """Frames in float32, as a training has them."""

    def __init__(self, keypoints: np.ndarray, poses: np.ndarray) -> None:
        self._keypoints, self._poses = keypoints, poses

    def single(self) -> np.ndarray:
        return self._keypoints.astype(np.float32)

    def truth(self) -> np.ndarray:
        return self._poses.astype(np.float32)


def test_fewer_frames_than_unknowns_give_one_map() -> None:
    keypoints = standing()[:20]
    poses = np.random.default_rng(4).normal(0, 0.3, (20, 17, 3))
    own = predictors.linear_map(Windows(keypoints, poses))  # type: ignore[arg-type]
    flat = np.c_[keypoints.reshape(20, -1), np.ones(20)]
    product = flat.T @ poses.reshape(20, -1)
    weights = np.linalg.pinv(flat.T @ flat, rcond=CUT, hermitian=True) @ product
    due = (flat @ weights).reshape(20, 17, 3)
    np.testing.assert_allclose(own(keypoints.astype(np.float32)), due, atol=1e-3)


def test_the_figure_shows_a_pose_once_where_there_are_few() -> None:
    for frames in range(40):
        chosen = task._examples(np.arange(100, 100 + frames)).tolist()
        assert len(set(chosen)) == len(chosen) == min(frames, task.EXAMPLES)

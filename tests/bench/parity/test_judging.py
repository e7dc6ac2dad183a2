"""What of a ladder's numbers is told in millimetres: poses, and nothing that is called alike."""

from __future__ import annotations

import numpy as np
import pytest

from bench.parity.judging import judge
from bench.parity.oracle import Answer


@pytest.mark.parametrize(
    ("name", "shape"),
    [("pose", (2, 3, 17, 3)), ("pose, other weights", (2, 51))]
    + [("hypotheses", (2, 5, 3, 17, 3))],
)
def test_poses_are_told_in_millimetres(name: str, shape: tuple[int, ...]) -> None:
    due = np.zeros(shape)
    own = due + np.array([0, 0, 1e-3] * (shape[-1] // 3))
    found = judge("forward", name, Answer(own, due, 0.0), graph="infer")
    assert found.check.millimetres == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["pose_estimator.head.1.weight", "poses", "loss"])
def test_what_is_called_alike_is_no_pose(name: str) -> None:
    found = judge("gradient", name, Answer(np.ones(4), np.ones(4), 0.0), graph="train")
    assert found.check.millimetres is None

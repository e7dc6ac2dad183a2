"""The unit that a metric states is the one of its numbers: told by what scaling does to them."""

from __future__ import annotations

import numpy as np
import pytest

from bench import metrics
from bench.data import protocols

# of a surface, and of where a root is
MORE = ("mpvpe", "mesh_mpjpe", "mesh_pa_mpjpe", "mrpe")
PLAIN = [name for name in metrics.names() if name not in MORE]


def score(name: str, *, scale: float, frames: int = 1) -> tuple[str, float]:
    """Unit and number of poses so many times as large, and so many times as slow."""
    protocol = protocols.load("synthetic")
    rng = np.random.default_rng(0)
    joints = len(protocol.joints)
    knots = rng.normal(scale=300, size=(2, 9, joints, 3))
    at = np.linspace(0, 8, 8 * frames + 1)
    low = np.minimum(at.astype(int), 7)
    share = (at - low)[:, None, None]
    true, pred = (one[low] * (1 - share) + one[low + 1] * share for one in knots)
    (found,) = metrics.evaluate(
        pred * scale,
        true * scale,
        actions=["a"] * len(at),
        clips=[0] * len(at),
        joint_names=protocol.joints,
        protocol=protocol,
        metrics=[name],
    )
    assert found.frame_wise is not None
    return found.unit, found.frame_wise


@pytest.mark.parametrize("name", PLAIN)
def test_numbers_have_the_unit_they_state(name: str) -> None:
    unit, one = score(name, scale=1)
    _, two = score(name, scale=2)
    if unit == "%":
        assert 0 <= one <= 100
    else:
        assert two == pytest.approx(2 * one)
        assert one > 1, "millimetres and not metres"
    if unit == "mm/frame":
        assert score(name, scale=1, frames=2)[1] == pytest.approx(one / 2)

"""MixSTE: its losses by hand, its shared norms, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models.errors import BadInput
from models.params import draw
from models.zoo import mixste
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")


def answers(joints: int, loss: dict[str, float]) -> tuple[dict[str, np.ndarray], ...]:
    """What a small model gives, and what it was fed."""
    small = {"frames": 3, "width": 8, "depth": 1, "joints": joints}
    graph = models.build("mixste", preset="tiny", loss=loss, **small).train
    rng = np.random.default_rng(0)
    shape = (2, 3, joints)
    feeds = {
        "keypoints": rng.normal(size=(*shape, 2)),
        "target": rng.normal(size=(*shape, 3)),
    }
    program = NumpyProgram(graph, FP64)
    program.load(draw(graph.params, seed=0))
    given = {name: feeds[name] for name in graph.inputs}
    return program(given), feeds


def test_its_losses_are_what_numpy_says() -> None:
    # wrists and elbows, in Human3.6M's order
    weights = np.ones(17)
    weights[[2, 3, 5, 6]] = 2.5
    weights[[10, 11, 14]] = 1.5
    weights[[12, 13, 15, 16]] = 4
    found, feeds = answers(17, {"wmpjpe": 1.0})
    apart = np.linalg.norm(found["pose"] - feeds["target"], axis=-1)
    due = (apart * weights).mean()
    assert_close(float(found["loss"]), due, rtol=1e-12, what="wmpjpe")
    found, _ = answers(17, {"tcl": 1.0})
    step = np.diff(found["pose"], axis=1)
    due = (step**2 * weights[:, None]).mean()
    assert_close(float(found["loss"]), due, rtol=1e-12, what="tcl")


def test_joints_of_another_skeleton_count_alike() -> None:
    found, feeds = answers(16, {"wmpjpe": 1.0})
    due = np.linalg.norm(found["pose"] - feeds["target"], axis=-1).mean()
    assert_close(float(found["loss"]), due, rtol=1e-12, what="wmpjpe")


def test_all_depths_share_two_norms() -> None:
    deep = models.build("mixste", preset="tiny", depth=3)
    norms = [name for name in deep.parameters if name.endswith("_norm.weight")]
    assert norms == ["Spatial_norm.weight", "Temporal_norm.weight"]


def test_single_frames_have_no_velocity() -> None:
    with pytest.raises(BadInput, match="velocity needs at least two output frames"):
        models.build("mixste", preset="tiny", frames=1)


@pytest.mark.parametrize("name", ["mixste", "d3dp", "poseformer"])
def test_heads_divide_the_width(name: str) -> None:
    with pytest.raises(BadInput, match=f"{name}: width 30 is not divisible by 4 heads"):
        models.build(name, preset="tiny", width=30)


def test_every_argument_of_the_official_class_counts() -> None:
    found = mixste.from_official("MixSTE2", {})
    # its own defaults, where the paper's training gives others
    assert found == mixste.Size(frames=9, width=32, depth=4, drop_path=0.0)
    given = {"in_chans": 3, "num_joints": 16, "qkv_bias": False, "qk_scale": 0.3}
    due = replace(found, channels=3, joints=16, qkv_bias=False, scale=0.3)
    assert mixste.from_official("MixSTE2", given) == due

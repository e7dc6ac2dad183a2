"""P-STMO: what pre-training hides and restores, what both graphs share, wrong sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import noise, params
from models.errors import PosePortError

FP64 = Settings(precision="fp64")


def restored(**sizes: Any) -> dict[str, np.ndarray]:
    """Reconstruction and what was hidden, of two windows."""
    spec = models.build("pstmo:pretrain", preset="tiny", **sizes)
    program = NumpyProgram(spec.infer, FP64)
    program.load(params.draw(spec.infer.params, seed=2))
    keypoints = np.random.default_rng(1).normal(size=(2, 9, 17, 2))
    drawn = noise.fixed(spec.infer, {"batch": 2})
    return dict(program({"keypoints": keypoints} | drawn))


def test_frames_and_joints_are_hidden_as_many_as_were_asked() -> None:
    found = restored(masked_frames=4, masked_joints=3)
    hidden = found["hidden"]
    assert hidden.shape == (2, 9, 17, 1) and found["pose"].shape == (2, 9, 17, 2)
    np.testing.assert_array_equal(hidden[0], hidden[1])
    counts = sorted(hidden[0].sum((1, 2)))
    assert counts == [3] * 5 + [17] * 4
    # the last joint is hidden where its frame is, and nowhere else
    assert hidden[0, :, 16].sum() == 4


def test_no_frame_is_hidden_where_none_was_asked() -> None:
    hidden = restored(masked=0.0, masked_joints=2)["hidden"]
    assert (hidden.sum((2, 3)) == 2).all()


def test_what_both_graphs_share_has_the_same_names_and_shapes() -> None:
    lifter = models.build("pstmo", preset="tiny").parameters
    pretraining = models.build("pstmo:pretrain", preset="tiny").parameters
    shared = lifter.keys() & pretraining.keys()
    assert {name.split(".")[0] for name in shared} == {"encoder", "Transformer"}
    assert all(lifter[name] == pretraining[name] for name in shared)
    heads = {name.split(".")[0] for name in lifter.keys() - shared}
    assert heads == {"Transformer_reduce", "fcn", "fcn_1"}


def test_the_middle_frame_is_that_of_the_windows() -> None:
    spec = models.build("pstmo", preset="tiny", frames=6, strides=(2, 3), dropout=0.0)
    program = NumpyProgram(spec.train, FP64)
    program.load(params.draw(spec.train.params, seed=2))
    draw = np.random.default_rng(1)
    feeds = {"keypoints": draw.normal(size=(3, 6, 17, 2))}
    feeds["target"] = draw.normal(size=(3, 6, 17, 3))
    found = dict(program(feeds))
    program = NumpyProgram(spec.train.with_outputs("vte"), FP64)
    program.load(params.draw(spec.train.params, seed=2))
    poses = program(feeds)["vte"]
    all_frames = np.linalg.norm(poses - feeds["target"], axis=-1).mean()
    # (frames - 1) // 2, as a window of an even length has its middle
    middle = np.linalg.norm(found["pose"] - feeds["target"][:, 2:3], axis=-1).mean()
    assert float(found["loss"]) == pytest.approx(all_frames + middle, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "sizes", "said"),
    [
        ("pstmo", {"heads": 5}, "pstmo: width 48 is not divisible by 5 heads"),
        (
            "pstmo",
            {"strides": (3,)},
            "pstmo: strides (3,) leave 3 of 9 frames, one was",
        ),
        ("pstmo", {"masked_frames": 9}, "pstmo: 9 of 9 frames are masked; leave one"),
        (
            "pstmo",
            {"masked_joints": 17},
            "pstmo: masked_joints 17 exceed the 16 joints",
        ),
        ("pstmo", {"width": 1, "heads": 1}, "pstmo: one channel has no spread"),
        (
            "pstmo:pretrain",
            {"width": 8},
            "pstmo:pretrain: the decoder's width, half of 8, is not divisible by 8",
        ),
    ],
    ids=str,
)
def test_sizes_that_make_no_network_are_one_line(
    name: str, sizes: dict[str, Any], said: str
) -> None:
    with pytest.raises(PosePortError) as caught:
        models.build(name, preset="tiny", **sizes)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)

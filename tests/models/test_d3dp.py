"""D3DP: levels and shares of noise, the flip, and what it refuses.

Its numbers are held against the authors' by the golden files.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import noise
from models.errors import BadInput
from models.params import draw
from models.zoo import d3dp
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")
SMALL = {"frames": 2, "width": 8, "depth": 1, "heads": 2}


@pytest.mark.parametrize(
    ("timesteps", "steps", "due"),
    [
        (1000, 1, [999]),
        (1000, 3, [999, 665, 332]),
        (1000, 5, [999, 799, 599, 399, 199]),
        (100, 4, [99, 74, 49, 24]),
        # float32 falls below the whole number 124 at the thirteenth
        (250, 26, None),
    ],
)
def test_levels_are_those_of_the_official_code(
    timesteps: int, steps: int, due: list[int] | None
) -> None:
    levels = d3dp._levels(d3dp.Size(timesteps=timesteps, steps=steps))
    if due is None:
        torch = pytest.importorskip("torch")
        places = torch.linspace(-1, timesteps - 1, steps=steps + 1)
        due = places.int().tolist()[:0:-1]
    assert levels == due


def test_the_pose_fades_into_noise() -> None:
    shares = d3dp._shares(d3dp.Size())
    assert len(shares) == 1000
    assert (np.diff(shares) < 0).all()
    assert shares[0] > 0.9999
    # the last step would take all, and is held to 99.9 %
    assert shares[-1] / shares[-2] == pytest.approx(0.001)


def infer(**sizes: Any) -> tuple[dict[str, np.ndarray], models.Spec]:
    spec = models.build("d3dp", preset="tiny", **{**SMALL, **sizes})
    program = NumpyProgram(spec.infer, FP64)
    program.load(draw(spec.infer.params, seed=0))
    keypoints = np.random.default_rng(1).normal(size=(3, 2, 17, 2))
    drawn = noise.fixed(spec.infer, {"batch": 3})
    return program({"keypoints": keypoints, **drawn}), spec


def test_the_pose_is_the_mean_of_what_is_drawn() -> None:
    found, _ = infer(hypotheses=3)
    assert found["hypotheses"].shape == (3, 3, 2, 17, 3)
    assert list(found) == ["pose", "hypotheses"]
    due = found["hypotheses"].mean(axis=1)
    assert_close(found["pose"], due, rtol=1e-12, what="pose")
    # draws differ, or there were no need of several
    assert found["hypotheses"].std(axis=1).max() > 1e-6


def test_poses_are_metres_whatever_their_scale_in_noise() -> None:
    # far from the edges one call gives the network's own pose, scaled there and back
    _, spec = infer(steps=1, pose_scale=0.5)
    assert spec.infer.outputs.keys() == {"pose", "hypotheses"}
    census = spec.infer.census()
    assert census["clip"] == 2


@pytest.mark.parametrize("flip", [True, False])
def test_dropout_is_no_part_of_what_is_run(flip: bool) -> None:
    _, spec = infer(drop_path=0.5, drop=0.1, flip=flip)
    assert "dropout" in spec.train.census()
    assert "dropout" not in spec.infer.census()
    assert list(spec.infer.noise) == ["init", "step_0"]


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"steps": 5, "timesteps": 4}, "5 steps over 4 timesteps; as many at most"),
        ({"width": 2, "heads": 1}, "width 2; an even one from 4 was due"),
        ({"eta": 1.5}, "eta 1.5; pose_scale above 0 and eta up to 1"),
        ({"pose_scale": 0.0}, "pose_scale 0.0"),
        ({"left": (1, 2), "right": (3,)}, "do not pair 17 joints"),
        ({"left": (1, 2), "right": (2, 3)}, "do not pair 17 joints"),
        ({"joints": 16}, "do not pair 16 joints; give left and right, or flip=False"),
    ],
)
def test_sizes_that_make_no_network(sizes: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        models.build("d3dp", preset="tiny", **sizes)


def test_without_a_flip_no_pairs_are_needed() -> None:
    assert models.build("d3dp", preset="tiny", joints=16, flip=False).infer.nodes


def test_the_network_alone_takes_its_own_arguments() -> None:
    found = d3dp.from_official(d3dp.DENOISER, {"num_joints": 16, "qk_scale": 0.2})
    assert (found.joints, found.scale, found.flip) == (16, 0.2, False)

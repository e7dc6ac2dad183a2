"""A model that draws, taken away: the picture and its mirror image are lifted by one draw."""

from __future__ import annotations

import numpy as np

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from bench.data.geometry import skeletons
from bench.takeaway.about import about
from bench.takeaway.preprocessing import with_preprocessing
from models import Graph, build, noise, params
from tests.asserts import assert_close

BODY = skeletons.load("h36m17")
SPEC = build("d3dp", preset="tiny", width=8, depth=1)
WHOLE = with_preprocessing(SPEC.infer, joints=17, scaling={}, mirror=BODY.mirror)
WEIGHTS = params.draw(SPEC.infer.params, seed=0)


def asked(graph: Graph, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    program = NumpyProgram(graph, Settings(precision="fp64"))
    program.load(WEIGHTS)
    return program(feeds)


def test_noise_is_an_input_once() -> None:
    assert WHOLE.noise == SPEC.infer.noise
    assert list(WHOLE.outputs) == ["pose", "hypotheses"]


def test_poses_are_the_mean_of_both_by_the_same_draws() -> None:
    screen = np.random.default_rng(0).uniform(-1, 1, (2, 2, 17, 2))
    drawn = noise.fixed(SPEC.infer, {"batch": 2})
    # of a square picture of 1000 pixels
    pixels = {"keypoints": (screen + 1) * 500, "image_size": np.full((2, 2), 1000.0)}
    came = asked(WHOLE, {**pixels, **drawn})
    turned = (screen * [-1, 1])[:, :, list(BODY.mirror)]
    straight = asked(SPEC.infer, {"keypoints": screen, **drawn})
    other = asked(SPEC.infer, {"keypoints": turned, **drawn})
    for name, pose in straight.items():
        back = (other[name] * [-1, 1, 1])[..., list(BODY.mirror), :]
        due = (pose + back) * 500  # mm
        assert_close(came[name], due, rtol=1e-6, what=name)


def test_the_file_says_what_is_to_be_drawn() -> None:
    said = about(
        WHOLE,
        WEIGHTS,
        model={"model": "d3dp"},
        origin={},
        scaling={},
        window=2,
        causal=False,
        drawn={"random": True},
        pixels=True,
    )
    shape = "(batch, 3, 2, 17, 3) float32"
    one = {"shape": shape, "kind": "normal", "number": 1.0}
    assert said["noise"] == {"init": one, "step_0": one}

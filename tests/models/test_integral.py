"""Integral: means of volumes, its loss by hand, and what its constructor arguments say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import models
from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import params
from models.builder import Builder
from models.errors import BadInput
from models.zoo import integral
from models.zoo.integral import Size
from tests.asserts import assert_close

FP64 = Settings(precision="fp64")
SMALL: dict[str, Any] = {
    "joints": 2,
    "height": 32,
    "width": 64,
    "depth": 3,
    "blocks": (1,),
    "stem": 4,
    "inner": (4,),
    "outer": (4,),
    "deconvolutions": 1,
    "filters": 4,
}
CONFIG = {
    "resnet_type": 18,
    "joint_num": 3,
    "input_shape": (64, 32),
    "output_shape": (16, 8),
    "depth_dim": 4,
}


def test_a_joint_is_where_its_volume_is_hot() -> None:
    size = Size(**SMALL | {"bottleneck": False})
    width, height, depth = size.cells
    assert (width, height, depth) == (32, 16, 3)
    g = Builder("means")
    heat = g.input("heat", ("batch", 2 * depth, height, width))
    g.output("coord", integral._means(heat, size))
    volume = np.zeros((1, 2 * depth, height, width))
    volume[0, 2, 5, 30] = 50  # joint 0: depth 2
    volume[0, 3 + 0, 1, 4] = volume[0, 3 + 1, 1, 6] = 50  # joint 1: between two cells
    came = NumpyProgram(g.finish(), FP64)({"heat": volume})["coord"]
    due = [[[[30, 5, 2], [5, 1, 0.5]]]]
    assert_close(came, due, rtol=1e-12, what="means")


def test_the_loss_leaves_out_what_is_not_known() -> None:
    spec = models.build("integral", preset="tiny", **SMALL)
    program = NumpyProgram(spec.train.with_outputs("loss", "pose"), FP64)
    program.load(params.draw(spec.train.params, seed=0))
    rng = np.random.default_rng(0)
    target = rng.normal(0, 0.2, (2, 1, 2, 3))
    known = np.ones_like(target)
    known[0, 0, 1] = 0  # a joint that nobody saw
    known[1, ..., 2] = 0  # a picture without depths
    images = rng.normal(size=(2, 3, 32, 64))
    came = program({"images": images, "target": target, "known": known})
    cells = np.array([32, 16, 3])
    due = (np.abs(came["pose"] - target) * cells * known).mean()
    assert_close(came["loss"], due, rtol=1e-12, what="location")


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (
            {"deconvolutions": 30},
            "integral: 17 volumes of .* cells came; at most 100,000",
        ),
        ({"depth": 1_000_000}, "integral: 17 volumes of 8 x 8 x 1000000 cells came"),
        (
            {"height": 1_000_000},
            "integral: pictures of 1000000 x 64 pixels came; sides",
        ),
        (
            {"width": 6},
            "integral: pictures of 64 x 6 pixels came; sides from 7 to 4,096",
        ),
        ({"width": 2_000_000}, "a whole number from 1 to 1,000,000 was due, 2000000"),
    ],
    ids=str,
)
def test_sizes_of_which_a_step_would_not_end_are_one_line(
    sizes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        models.build("integral", preset="tiny", **sizes)
    assert "\n" not in str(caught.value)


def test_the_authors_config_says_the_same_as_a_golden_file() -> None:
    short = {"resnet": 18, "joints": 3, "image": [64, 32], "depth_dim": 4}
    (official,) = [name for name, to in models.claimed().items() if to == "integral"]
    assert integral.from_official(official, CONFIG) == integral.from_official(
        official, short
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"output_shape": (16, 16)}, r"output_shape \(16, 16\) came; .* \(16, 8\)"),
        ({"resnet_type": 20}, "a ResNet of 20 layers came"),
        ({"resnet_type": [50]}, "do not fit"),
        ({"input_shape": 256}, "do not fit"),
    ],
    ids=str,
)
def test_arguments_that_make_no_network_are_refused(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        models.from_official("ResPoseNet (integral)", CONFIG | change)

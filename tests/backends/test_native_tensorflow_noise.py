"""Noise in TensorFlow: drawn inside the traced function, from a seed that moves on."""

from __future__ import annotations

import numpy as np
import pytest

import backends
from backends.base import Settings
from models.builder import Builder
from tests.backends.native import assert_distributed, assert_masks, noisy, ones

if "tensorflow" not in backends.installed():
    pytest.skip("TensorFlow is not installed", allow_module_level=True)
# sets the variables that TensorFlow reads when it is imported
backends.load("tensorflow")

from backends.tensorflow.program import TensorFlowProgram  # noqa: E402  # after the skip


def drawing(kind: str, **rate: float) -> TensorFlowProgram:
    return TensorFlowProgram(noisy(kind, **rate), Settings(draw_noise=True, seed=3))


@pytest.mark.parametrize("kind", ["dropout", "drop_path"])
def test_drawn_masks_differ_between_calls_and_have_the_right_rate(kind: str) -> None:
    program = drawing(kind)
    assert program.native.feeds == ("x",), "the mask is no input"
    first, second = (program(ones(4000))["y"] for _ in range(2))
    assert_masks(kind, first, second)
    # a new program begins with the first draw
    assert np.array_equal(drawing(kind)(ones(4000))["y"], first), "the seed decides"


def test_drawn_numbers_are_distributed_as_declared() -> None:
    normal = drawing("normal", rate=2.0)(ones(500))["y"]
    assert_distributed(normal, drawing("uniform", rate=2.0)(ones(500))["y"])


def test_two_masks_of_one_call_are_independent() -> None:
    g = Builder("twice")
    x = g.input("x", ("batch", 100))
    g.output("a", x.dropout(rate=0.5, name="a"))
    g.output("b", x.dropout(rate=0.5, name="b"))
    program = TensorFlowProgram(g.finish(), Settings(draw_noise=True))
    drawn = program({"x": np.ones((50, 100))})
    agreeing = ((drawn["a"] > 0) == (drawn["b"] > 0)).mean()
    # seven standard errors of 5,000 coins; one seed for both would give 1
    assert abs(agreeing - 0.5) < 0.05

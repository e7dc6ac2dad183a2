"""Noise beside ONNX Runtime: drawn with NumPy from a seed and the number of the call."""

from __future__ import annotations

import numpy as np
import pytest

from backends.base import Settings
from tests.backends.native import assert_distributed, assert_masks, noisy, ones, small

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from backends.noise import Noise  # noqa: E402  # after the skips
from backends.onnx.program import OnnxProgram  # noqa: E402


def drawing(kind: str, *, seed: int = 0, **rate: float) -> OnnxProgram:
    settings = Settings(draw_noise=True, seed=seed)
    return OnnxProgram(noisy(kind, **rate), settings, threads=1)


@pytest.mark.parametrize("kind", ["dropout", "drop_path"])
def test_drawn_masks_differ_between_calls_and_have_the_right_rate(kind: str) -> None:
    program = drawing(kind)
    first, second = (program(ones(4000))["y"] for _ in range(2))
    assert_masks(kind, first, second)
    if kind == "dropout":
        # four standard errors of 800,000 pairs; ONNX Runtime's own draws fail here
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.005
    assert np.array_equal(drawing(kind)(ones(4000))["y"], first), "the seed decides"
    assert not np.array_equal(drawing(kind, seed=1)(ones(4000))["y"], first)


def test_drawn_numbers_are_distributed_as_declared() -> None:
    normal = drawing("normal", rate=2.0)(ones(500))["y"]
    assert_distributed(normal, drawing("uniform", rate=2.0)(ones(500))["y"])


def test_masks_of_one_step_are_independent_of_each_other() -> None:
    noise = Noise(small("simple_baseline").train, seed=0)
    drawn = list(noise.draw({"keypoints": (2000, 34), "target": (2000, 51)}).values())
    assert len(drawn) > 2
    assert all(mask.dtype == np.float32 for mask in drawn)
    # 2000 samples of 64 units: some seven standard errors
    assert abs(np.corrcoef(drawn[0].ravel(), drawn[1].ravel())[0, 1]) < 0.02

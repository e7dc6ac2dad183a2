"""float16 in PyTorch: losses are scaled, a step that overflows is left out, a resume is exact.

The policy of GPUs, run here on the CPU, past the backend that refuses it there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import backends
from models.optim import Optimizer
from tests.backends.native import assert_equal

if "torch" not in backends.installed():
    pytest.skip("PyTorch is not installed", allow_module_level=True)

from backends.base import Settings  # noqa: E402  # after the skip
from backends.torch.train import TorchTrainer  # noqa: E402
from tests.models.test_optim import graph, weights  # noqa: E402

SGD = Optimizer("sgd", lr=0.1, weight_decay=0.0, clip_norm=0.05)
HALF = Settings(precision="fp16")


def trainer(settings: Settings = HALF, **changes: Any) -> TorchTrainer:
    made = TorchTrainer(graph(), replace(SGD, **changes), settings)
    made.program.load(weights())
    return made


def feeds(one: TorchTrainer, step: int) -> list[Any]:
    draw = np.random.default_rng(step)
    shapes = {"x": (5, 3), "y": (5, 2)}
    return [
        one.program.put(
            {name: draw.normal(size=shape) for name, shape in shapes.items()}
        )
        for _ in range(2)
    ]


def test_gradients_are_clipped_at_their_own_size() -> None:
    half, full = trainer(), trainer(Settings())
    for one in (half, full):
        one.step(*feeds(one, 0))
    due = full.program.params()
    for name, array in half.program.params().items():
        moved = np.abs(array - weights()[name]).max()
        assert 0 < moved < 0.1 * 0.05
        # float16 has three and a half digits
        np.testing.assert_allclose(array, due[name], rtol=1e-3, atol=1e-4)


def test_a_step_that_overflows_is_left_out_and_the_scale_falls() -> None:
    one = trainer()
    state = one.state() | {"#scaling": np.array([2.0**40, 7.0])}
    one.load_state(state)
    one.step(*feeds(one, 0))
    assert_equal(one.program.params(), weights())
    scale, count = one.state()["#scaling"]
    assert (scale, count) == (2.0**39, 0)


def test_a_resume_scales_as_if_never_stopped() -> None:
    whole, part = trainer(), trainer()
    for one in (whole, part):
        one.load_state(one.state() | {"#scaling": np.array([2.0**12, 1999.0])})
        one.step(*feeds(one, 0))
    rest = trainer()
    rest.program.load(part.program.params())
    rest.load_state(part.state())
    # after two thousand steps the scale has doubled
    assert rest.state()["#scaling"].tolist() == [2.0**13, 0.0]
    for one in (whole, rest):
        one.step(*feeds(one, 1))
    assert_equal(whole.program.params(), rest.program.params())


def test_in_float32_nothing_is_scaled() -> None:
    assert "#scaling" not in trainer(Settings()).state()

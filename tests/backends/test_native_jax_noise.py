"""Noise in JAX: drawn from a key inside the compiled function, or fed."""

from __future__ import annotations

import numpy as np
import pytest

from backends.base import Settings
from models.builder import Builder
from models.errors import BadInput
from models.optim import Optimizer
from tests.backends.native import (
    arrays,
    assert_distributed,
    assert_masks,
    noisy,
    ones,
    small,
)

jax = pytest.importorskip("jax", reason="JAX is not installed")
pytest.importorskip("optax", reason="optax is not installed")

import jax.numpy as jnp  # noqa: E402  # after the skips

from backends.jax.program import JaxProgram  # noqa: E402
from tests.backends.test_native_jax import realised, trained  # noqa: E402


def drawing(kind: str, *, seed: int = 0, **rate: float) -> JaxProgram:
    return JaxProgram(noisy(kind, **rate), Settings(draw_noise=True, seed=seed))


@pytest.mark.parametrize("kind", ["dropout", "drop_path"])
def test_drawn_masks_differ_between_calls_and_have_the_right_rate(kind: str) -> None:
    program = drawing(kind)
    assert program.feeds == ("x",), "the mask is no input"
    first, second = (program(ones(4000))["y"] for _ in range(2))
    assert_masks(kind, first, second)
    # a new program begins with the first draw
    assert np.array_equal(drawing(kind)(ones(4000))["y"], first), "the seed decides"
    assert not np.array_equal(drawing(kind, seed=1)(ones(4000))["y"], first)


def test_drawn_numbers_are_distributed_as_declared() -> None:
    normal = drawing("normal", rate=2.0)(ones(500))["y"]
    assert_distributed(normal, drawing("uniform", rate=2.0)(ones(500))["y"])


def test_two_noises_of_one_call_are_independent_and_steps_draw_anew() -> None:
    g = Builder("twice")
    x = g.input("x", ("batch", 8))
    w = g.param("w", (), init=("ones", 0.0))
    one = g.noise("one", x.shape, kind="normal", number=1.0)
    other = g.noise("other", x.shape, kind="normal", number=1.0)
    # 0 where both draws are the same
    g.output("loss", ((x + one - other) * w).sum(axis=(0, 1), keepdims=False))
    trainer = trained(g.finish(), Optimizer("sgd", 0.0, 0.0), draw_noise=True)
    feeds = trainer.program.put({"x": np.zeros((4, 8))})
    losses = {float(trainer.step(feeds)) for _ in range(3)}
    assert len(losses) == 3
    assert 0.0 not in losses


def test_drawing_without_a_key_is_refused() -> None:
    program = drawing("dropout")
    said = "noisy draws noise and was given no key; call apply"
    with pytest.raises(BadInput, match=said):
        program.native(program.values, {"x": jnp.ones((2, 50, 4))})


def test_fed_masks_are_used_as_they_are() -> None:
    graph = small("simple_baseline").train
    fed = arrays(graph)
    due = realised(graph)(fed)["pose"]
    assert np.array_equal(realised(graph)(fed)["pose"], due)
    other = {key: 1 - array for key, array in fed.items() if key.endswith("mask")}
    assert not np.array_equal(realised(graph)({**fed, **other})["pose"], due)

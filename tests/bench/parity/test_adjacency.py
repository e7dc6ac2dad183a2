"""MotionAGFormer's graph of frames is chosen at run time, and a rounding may turn the choice.

So the choice is compared apart, by its margins, and what comes of it where all are fed the same.
"""

from __future__ import annotations

import numpy as np
import pytest

import models
from backends import load
from backends.base import Backend, Settings
from bench.parity import budget
from models import params
from models.errors import SpecError
from models.graph import Graph
from models.passes import fed

LAYERS = 2
CHOICES = [f"layers.{layer}.adjacency" for layer in range(LAYERS)]
MARGINS = [f"layers.{layer}.margin" for layer in range(LAYERS)]
FRAMES = 9
FP64, FP32 = Settings(precision="fp64"), Settings(precision="fp32")

Arrays = dict[str, np.ndarray]


def whole() -> Graph:
    """A small model whose graph branch counts, as it does once it is trained."""
    return models.build(
        "motionagformer",
        preset="tiny",
        frames=FRAMES,
        width=16,
        depth=LAYERS,
        layer_scale_start=0.6,
    ).infer


def weights(graph: Graph) -> Arrays:
    return params.draw(graph.params, seed=3)


def motion() -> np.ndarray:
    """Smooth, so that neighbouring frames are much alike, (4, t, 17, 3)."""
    steps = np.random.default_rng(5).normal(size=(4, FRAMES, 17, 3))
    return (3e-2 * steps.cumsum(axis=1) + steps[:, :1]).astype(np.float32)


def answers(
    backend: Backend, graph: Graph, feeds: Arrays, settings: Settings
) -> Arrays:
    program = backend.program(graph, settings)
    program.load(weights(graph))
    return dict(program(feeds))


def test_what_comes_of_the_choice_holds_where_the_choice_is_fed(
    backend: Backend,
) -> None:
    graph, oracle, feeds = whole(), load("numpy"), {"keypoints": motion()}
    asked = graph.with_outputs("pose", *MARGINS, *CHOICES)
    due = answers(oracle, asked, feeds, FP64)
    chosen = {name: due[name].astype(np.float32) for name in CHOICES}
    pinned = fed(graph, CHOICES)
    assert set(pinned.inputs) == {"keypoints", *CHOICES}
    came = answers(backend, pinned, feeds | chosen, FP32)
    rough = answers(oracle, pinned, feeds | chosen, FP32)
    bound = budget.bound("forward", budget.error(rough["pose"], due["pose"]))
    assert budget.error(came["pose"], due["pose"]) <= bound


def test_the_choice_is_the_oracles_but_where_rounding_decides(backend: Backend) -> None:
    graph, oracle, feeds = whole(), load("numpy"), {"keypoints": motion()}
    # of the first layer: the next sees what the first has chosen
    asked = graph.with_outputs(MARGINS[0], CHOICES[0])
    due = answers(oracle, asked, feeds, FP64)
    came = answers(backend, asked, feeds, FP32)
    rough = answers(oracle, asked, feeds, FP32)
    apart = np.abs(rough[MARGINS[0]] - due[MARGINS[0]]).max()
    allowed = max(budget.FACTOR * apart, 1e-5)
    assert np.abs(came[MARGINS[0]] - due[MARGINS[0]]).max() <= allowed
    clear = np.abs(due[MARGINS[0]]) > allowed
    assert clear.mean() > 0.5
    np.testing.assert_array_equal(came[CHOICES[0]][clear], due[CHOICES[0]][clear])
    # of the others each is of its own mind, and holds to it
    np.testing.assert_array_equal(came[CHOICES[0]], came[MARGINS[0]] >= 0)


def test_a_label_that_is_not_there_is_named() -> None:
    with pytest.raises(SpecError, match="no output, label or value layers.9.adjacency"):
        fed(whole(), ["layers.9.adjacency"])

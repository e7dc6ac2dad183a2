"""VideoPose3D's claim on PyTorch: strided or dilated, a frame is the same to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

import models
from backends.base import Settings
from models import params
from models.graph import Graph
from models.passes import to_inference

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip

WIDTHS = [(3, 3), (3, 3, 3), (3, 5)]


def realised(graph: Graph) -> TorchProgram:
    program = TorchProgram(graph, Settings())
    draw = np.random.default_rng(0)
    weights = params.draw(graph.params, seed=0)
    for name in sorted(weights):
        # a mean of 0 and a variance of 1 would hide that they are not applied
        if "running" in name:
            moved = weights[name] + draw.uniform(0.1, 0.5, weights[name].shape)
            weights[name] = moved.astype(np.float32)
    program.load(weights)
    return program


@pytest.mark.parametrize("causal", [False, True], ids=["centred", "causal"])
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
def test_both_graphs_agree_bit_for_bit(widths: tuple[int, ...], causal: bool) -> None:
    spec = models.build(
        "videopose3d", preset="tiny", width=64, widths=widths, causal=causal
    )
    dilated = realised(spec.infer)
    strided = realised(to_inference(spec.train, outputs=["pose"]))
    draw = np.random.default_rng(1)
    windows = draw.normal(size=(8, spec.frames, 17, 2)).astype(np.float32)
    came = strided({"keypoints": windows})["pose"]
    due = dilated({"keypoints": windows})["pose"]
    assert came.shape == (8, 1, 17, 3)
    assert np.array_equal(came, due)

"""Layers over two axes are PyTorch's: weights by the same names, and the same numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backends.base import Settings
from models import params
from models.builder import Builder
from models.value import Value

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from torch import nn  # noqa: E402  # after the skip

from backends.torch.program import TorchProgram  # noqa: E402  # after the skip

Layer = Callable[[Value], Value]


def downscaled(x: Value) -> Value:
    return x.conv2d(
        5, kernel=3, stride=2, dilation=1, padding=1, bias=True, name="layer"
    )


def upscaled(*, output_padding: int) -> Layer:
    def layer(x: Value) -> Value:
        return x.conv_transpose2d(
            5,
            kernel=4,
            stride=2,
            padding=1,
            output_padding=output_padding,
            bias=True,
            name="layer",
        )

    return layer


def pooled(x: Value) -> Value:
    return x.max_pool2d(kernel=3, stride=2, padding=1, dilation=1)


LAYERS: dict[str, tuple[Layer, nn.Module]] = {
    "conv2d": (downscaled, nn.Conv2d(3, 5, 3, 2, 1)),
    "conv_transpose2d": (
        upscaled(output_padding=0),
        nn.ConvTranspose2d(3, 5, 4, 2, 1),
    ),
    "conv_transpose2d with output_padding": (
        upscaled(output_padding=1),
        nn.ConvTranspose2d(3, 5, 4, 2, 1, output_padding=1),
    ),
    "max_pool2d": (pooled, nn.MaxPool2d(3, 2, 1)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_pytorchs(name: str) -> None:
    ours, theirs = LAYERS[name]
    g = Builder("layer")
    g.output("y", ours(g.input("x", ("batch", 3, 7, 8))))
    graph = g.finish()
    weights = params.draw(graph.params, seed=0)
    # strict: every name, every shape
    holder = nn.ModuleDict({"layer": theirs})
    holder.load_state_dict({key: torch.from_numpy(w) for key, w in weights.items()})
    program = TorchProgram(graph, Settings())
    program.load(weights)
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 8)).astype(np.float32)
    due = theirs(torch.from_numpy(x)).detach().numpy()
    assert np.array_equal(program({"x": x})["y"], due)


@pytest.mark.parametrize("name", [one for one in LAYERS if one != "max_pool2d"])
def test_weights_start_within_pytorchs_bounds(name: str) -> None:
    ours, theirs = LAYERS[name]
    g = Builder("layer")
    g.output("y", ours(g.input("x", ("batch", 3, 7, 8))))
    # of a transposed one, too, PyTorch counts the second axis of the weight
    fan = theirs.get_parameter("weight")[0].numel()
    for param in g.finish().params.values():
        kind, bound = param.init
        assert kind == "uniform"
        assert bound == pytest.approx(fan**-0.5)

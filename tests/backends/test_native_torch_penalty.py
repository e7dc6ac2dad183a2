"""A penalty on a gradient, made inside the graph, is what PyTorch's double backward makes."""

from __future__ import annotations

import numpy as np
import pytest

from backends.base import Settings
from models import params
from models.builder import Builder
from models.critic import BONES, penalty
from models.graph import Graph
from models.optim import Optimizer
from tests.asserts import assert_close

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = pytest.importorskip("torch.nn.functional")

from backends.torch.train import TorchTrainer  # noqa: E402  # after the skip

WIDTHS = {"width": 6, "bone_width": 9}


def penalised() -> Graph:
    g = Builder("penalised")
    true, made = (g.input(name, ("batch", 48)) for name in ("true", "made"))
    g.output("loss", penalty(true, made, **WIDTHS))
    return g.finish()


def score(pose: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    """The critic in PyTorch, written by hand."""

    def layer(x: torch.Tensor, i: int) -> torch.Tensor:
        return F.linear(x, w[f"fc{i}.weight"], w[f"fc{i}.bias"])

    points = pose.view(-1, 3, 16)
    starts, ends = (list(ends) for ends in zip(*BONES, strict=True))
    bones = points[:, :, starts] - points[:, :, ends]
    kcs = (bones.transpose(1, 2) @ bones).flatten(1)
    first = F.leaky_relu(layer(pose, 1))
    h = layer(F.leaky_relu(layer(first, 2)), 3) + first
    h = layer(F.leaky_relu(h), 4)
    k = F.leaky_relu(layer(kcs, 5))
    k = layer(F.leaky_relu(layer(k, 6)), 7) + k
    return layer(F.leaky_relu(layer(torch.cat([h, k], 1), 8)), 9)


def test_the_penalty_is_that_of_double_backward() -> None:
    graph = penalised()
    rng = np.random.default_rng(0)
    feeds = {name: rng.normal(size=(4, 48)) for name in ("true", "made")}
    feeds["between"] = rng.random((4, 1))
    feeds = {name: array.astype(np.float32) for name, array in feeds.items()}
    weights = params.draw(graph.params, seed=0)

    trainer = TorchTrainer(graph, Optimizer("sgd", 0.0, 0.0), Settings())
    trainer.program.load(weights)
    loss, grads = trainer.gradients(trainer.program.put(feeds))

    given = {name: torch.tensor(array) for name, array in feeds.items()}
    share = given["between"]
    between = given["true"] * share + given["made"] * (1 - share)
    between.requires_grad_()
    own = {n: torch.tensor(array, requires_grad=True) for n, array in weights.items()}
    total = score(between, own).sum()
    (slope,) = torch.autograd.grad(total, between, create_graph=True)
    due = ((slope.norm(dim=1) - 1) ** 2).mean()
    due.backward()
    assert_close(loss, due.detach(), rtol=1e-5, what="penalty")
    for name, weight in own.items():
        # a bias that only shifts the score has no part in its slope
        slopes = torch.zeros_like(weight) if weight.grad is None else weight.grad
        assert_close(grads[name], slopes, rtol=1e-4, what=name)

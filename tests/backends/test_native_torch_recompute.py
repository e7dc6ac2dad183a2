"""Gradient checkpointing in PyTorch: the same bits, of values that are made twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from backends.base import Settings
from models import averaging, build, params
from models.graph import Graph
from models.optim import Optimizer
from tests.backends.native import ZOO, arrays, assert_equal, small

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from backends.torch import recompute  # noqa: E402  # after the skip
from backends.torch.module import module  # noqa: E402
from backends.torch.train import TorchTrainer  # noqa: E402

DROPS = {"drop": 0.1, "attention_drop": 0.1, "drop_path": 0.2}


def trainer(graph: Graph, **settings: Any) -> TorchTrainer:
    rule = Optimizer("adamw", 1e-3, 1e-2)
    made = TorchTrainer(graph, rule, Settings(draw_noise=True, seed=3, **settings))
    made.program.load(params.draw(graph.params, seed=0))
    return made


def assert_alike(graph: Graph, frames: int, **settings: Any) -> None:
    """Two steps and the gradients after them, made with recomputation and without."""
    found = []
    for again in (False, True):
        made = trainer(graph, recompute=again, **settings)
        feeds = made.program.put(arrays(graph, frames=frames, noise=False))
        losses = [float(made.step(feeds)) for _ in range(2)]
        loss, grads = made.gradients(feeds)
        found.append(([*losses, loss], grads, made.program.params()))
    (losses, grads, held), (due, its_grads, its_held) = found
    assert losses == due
    assert_equal(grads, its_grads)
    assert_equal(held, its_held)


@ZOO
def test_values_that_are_made_again_change_no_bit(name: str) -> None:
    """Running statistics, which VideoPose3D has, move once."""
    spec = small(name)
    assert_alike(spec.train, spec.frames)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_masks_are_drawn_alike_again(precision: str) -> None:
    spec = small("motionbert", depth=2, **DROPS)
    assert spec.train.noise
    assert_alike(spec.train, spec.frames, precision=precision)


def test_the_mean_of_the_weights_moves_once() -> None:
    spec = small("videopose3d")
    assert_alike(averaging.averaged(spec.train, 0.75), spec.frames)


def test_every_segment_but_the_last_is_computed_twice() -> None:
    spec = small("motionbert")
    made = trainer(spec.train, recompute=True)
    calls: Counter[str] = Counter()
    split = made.program.callable
    nodes = [node for node in split.graph.nodes if node.op == "call_module"]
    names = [node.target for node in nodes]
    for name in names:
        part = split.get_submodule(name)
        inner = getattr(part, "inner", part)
        inner.register_forward_pre_hook(lambda *_, name=name: calls.update([name]))
    made.step(made.program.put(arrays(spec.train, frames=spec.frames, noise=False)))
    assert len(names) > 10
    assert [calls[name] for name in names] == [2] * (len(names) - 1) + [1]


@ZOO
def test_no_segment_begins_with_what_it_writes_over(name: str) -> None:
    native = module(small(name).train, draw_noise=True)
    number = recompute._segments(list(native.graph.nodes))
    for node in native.graph.nodes:
        if node.kwargs.get("inplace"):
            assert number[node] == number[node.args[0]], node


def test_the_module_of_the_user_stays_whole() -> None:
    spec = build("simple_baseline", preset="tiny")
    made = trainer(spec.train, recompute=True)
    plain = trainer(spec.train)
    assert made.program.native.code == plain.program.native.code
    # over the same memory
    weights = dict(made.program.native.named_parameters())
    split = dict(made.program.callable.named_parameters())
    assert all(
        np.shares_memory(weights[name].detach(), split[name].detach())
        for name in weights
    )

"""Parameters that a stage is given and does not train."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

import models
from backends.base import Backend, Settings
from models import params
from models.builder import Builder
from models.gradient import PREFIX, gradient
from models.graph import Graph
from models.optim import Optimizer


def layers(*, frozen: bool) -> Graph:
    g = Builder("layers")
    x = g.input("x", ("batch", 4))
    with g.frozen() if frozen else nullcontext():
        x = x.linear(3, name="backbone")
    g.output("loss", x.linear(2, name="head").sum(axis=(0, 1), keepdims=False))
    return g.finish()


def test_what_is_frozen_keeps_its_names_and_has_no_gradient() -> None:
    free, frozen = layers(frozen=False), layers(frozen=True)
    assert list(free.params) == list(frozen.params)
    head = ("head.weight", "head.bias")
    assert frozen.trainable() == head and free.trainable()[2:] == head
    asked = {name for name in gradient(frozen).outputs if name.startswith(PREFIX)}
    assert asked == {PREFIX + name for name in head}


@pytest.mark.parametrize("rule", ["adamw", "sgd"])
def test_what_is_frozen_neither_moves_nor_decays(rule: str, backend: Backend) -> None:
    graph = layers(frozen=True)
    optimizer = Optimizer(rule=rule, lr=0.1, weight_decay=0.5)
    trainer = backend.trainer(graph, optimizer, Settings(device="cpu"))
    before = params.draw(graph.params, seed=0)
    trainer.program.load(before)
    trainer.step(trainer.program.put({"x": np.ones((2, 4), np.float32)}))
    after = trainer.program.params()
    moved = [name for name in before if not np.array_equal(before[name], after[name])]
    assert moved == ["head.weight", "head.bias"]


def test_finetuning_keeps_the_backbone_of_the_pretraining() -> None:
    before, after = (
        models.build(f"dstformer:{stage}", preset="tiny")
        for stage in ("pretrain", "finetune")
    )
    kept = before.parameters.keys() & after.parameters.keys()
    # all but the head, which is a new one
    assert before.parameters.keys() - kept == {"head.weight", "head.bias"}
    assert set(after.train.trainable()) == after.parameters.keys() - kept
    for name in kept:
        assert before.parameters[name].type == after.parameters[name].type

"""Every network of the zoo learns: fifty steps on one batch lower its loss.

The oracle takes the steps. A framework takes the same ones: its ladder compares trajectories.
"""

from __future__ import annotations

import numpy as np
import pytest

import backends
import models
from backends.base import Settings
from bench.config import Train, completed, trained
from bench.parity.feeds import drawn
from models import Spec, params
from models.optim import Optimizer
from tests import zoo

BATCH = 4
STEPS = 50
FAR = 10


def optimizer(spec: Spec) -> Optimizer:
    """The rule of the recipe, as fast as the training of the preset says."""
    quick = completed(spec.name, Train(**trained(spec.name, "tiny")))
    return Optimizer(quick.optimizer, quick.lr, quick.weight_decay)


@pytest.mark.parametrize("name", models.networks())
def test_fifty_steps_lower_the_loss(name: str) -> None:
    spec = zoo.tiny(name)
    graph = spec.train
    trainer = backends.load("numpy").trainer(graph, optimizer(spec), Settings())
    trainer.program.load(params.draw(graph.params, seed=0))
    lengths = {"batch": BATCH, "frames": spec.frames}
    # one batch under the same masks: whatever the loss does is the weights' doing
    rng = np.random.default_rng(0)
    feeds = trainer.program.put(drawn(graph.inputs, graph.noise, lengths, rng))
    first = last = float(trainer.step(feeds))
    assert np.isfinite(first)
    for _ in range(STEPS - 1):
        last = float(trainer.step(feeds))
        # a likelihood of four poses has no floor: further down a square would overflow
        if last < -FAR * max(1, abs(first)):
            break
    assert last < first

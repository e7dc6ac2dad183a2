"""An update by the optimizer's rule: in plain NumPy, with the numbers that the settings say.

A replay makes steps by the same native optimizer as the loop: a decay that never reached it would
be missing from both. Here a step on drawn gradients goes on from the state that the steps have
left, natively and as the rule is written.
"""

from __future__ import annotations

import zlib
from dataclasses import replace

import numpy as np

from backends.base import Arrays, Trainer
from bench.evaluation.oracle.checks import check
from bench.parity.trial import copies
from bench.records import Check
from bench.training.by_hand import norm
from models.optim import Optimizer
from models.stepping import STEPS, slot

# Norm of what the weights are apart, by that of the update. Float32 beside float64 is off by 1e-6;
# a decay of 0.999 in the place of 0.99 by a third.
APART = 1e-3


def hold(trainer: Trainer, optimizer: Optimizer) -> Check:
    """One update of a trainer that has made steps, which it goes on from; it moves the trainer."""
    trained = trainer.program.graph.trainable()
    weights = copies(trainer.program.params())
    state = copies(trainer.state())
    grads = {name: _drawn(name, weights[name]) for name in trained}
    moved = _moved(replace(optimizer, lr=1.0), weights, grads, state)
    # as far as the weights are long, so that the update is not lost in their rounding
    rate = norm({name: weights[name] for name in trained}) / (norm(moved) or 1.0)
    due = _moved(replace(optimizer, lr=rate), weights, grads, state)
    trainer.set_lr(rate)
    trainer.apply(grads)
    after = trainer.program.params()
    off = {
        name: after[name] - weights[name].astype(np.float64) - due[name] for name in due
    }
    error = norm(off) / (norm(due) or 1.0)
    name = f"an update by the rule of {optimizer.rule}"
    return check("replay", name, error, APART, unit="of its length", graph="train")


def _drawn(name: str, like: np.ndarray) -> np.ndarray:
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    return draw.normal(size=like.shape).astype(np.float32)


def _moved(
    optimizer: Optimizer, weights: Arrays, grads: Arrays, state: Arrays
) -> dict[str, np.ndarray]:
    """By how much each parameter is to change."""
    wide = {name: grad.astype(np.float64) for name, grad in grads.items()}
    step = int(state[STEPS]) + 1
    found = {}
    for name, grad in optimizer.clipped(wide).items():
        before = weights[name].astype(np.float64)
        new, _ = optimizer.of(name).update(
            before, grad, _slots(optimizer, name, before, state), step
        )
        found[name] = new - before
    return found


def _slots(
    optimizer: Optimizer, name: str, like: np.ndarray, state: Arrays
) -> tuple[np.ndarray, ...]:
    """What is kept of a parameter; zeros where nothing is yet."""
    names = [slot(name, i) for i in range(optimizer.slots())]
    nothing = np.zeros_like(like)
    return tuple(np.asarray(state.get(one, nothing), np.float64) for one in names)

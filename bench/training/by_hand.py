"""A step made by hand: mean gradients, clipped in plain NumPy, times the rate.

A replay makes the same step as the loop, by the same trainer. What that trainer does with several
batches and with gradients that are too long, it would do alike in both. Here it does so by plain
descent, whose step is the gradients and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from backends.base import Arrays, Trainer
from bench.evaluation.oracle.checks import check
from bench.records import Check
from models.optim import Optimizer

# Norm of what the weights are apart, by that of the step. Measured over the zoo's tiny sizes, on
# torch and ONNX: at most 1.4e-6, but for GraphCMR's body, whose gradients cancel: 9e-4.
APART = 1e-2
BESIDE_NORM = 1e-6  # as models/optim.py has it


def asked(optimizer: Optimizer, accumulate: int) -> bool:
    """Whether steps of a training are more than one batch and one rate by its rule."""
    return accumulate > 1 or optimizer.clips or bool(optimizer.rates)


def hold(
    make: Callable[[Optimizer], Trainer],
    optimizer: Optimizer,
    weights: Arrays,
    batches: Sequence[Arrays],
) -> Check:
    """One step from some weights, natively and by hand.

    `make` gives trainers that draw the same noise.
    """
    plain = replace(
        optimizer,
        rule="sgd",
        momentum=0.0,
        weight_decay=0.0,
        amsgrad=False,
    )
    bare = make(Optimizer("sgd", 1.0, 0.0))
    bare.program.load(weights)
    grads = _clipped(_mean(bare, batches), optimizer)
    factors = dict(optimizer.rates)
    grads = {name: grad * factors.get(name, 1.0) for name, grad in grads.items()}
    # as far as the weights are long, so that the step is not lost in their rounding
    rate = norm({name: weights[name] for name in grads}) / (norm(grads) or 1.0)
    native = make(plain)
    native.program.load(weights)
    native.set_lr(rate)
    native.step(*[native.program.put(feeds) for feeds in batches])
    after = native.program.params()
    off = {
        name: after[name] - (weights[name].astype(np.float64) - rate * grad)
        for name, grad in grads.items()
    }
    error = norm(off) / (rate * norm(grads) or 1.0)
    name = f"a step of {len(batches)} batches by hand"
    return check("replay", name, error, APART, unit="of its length", graph="train")


def _mean(trainer: Trainer, batches: Sequence[Arrays]) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for feeds in batches:
        _, grads = trainer.gradients(trainer.program.put(feeds))
        for name, grad in grads.items():
            share = grad.astype(np.float64) / len(batches)
            found[name] = found.get(name, 0.0) + share
    return found


def _clipped(
    grads: dict[str, np.ndarray], optimizer: Optimizer
) -> dict[str, np.ndarray]:
    if most := optimizer.clip_value:
        grads = {name: np.clip(grad, -most, most) for name, grad in grads.items()}
    if optimizer.clip_norm:
        share = min(1.0, optimizer.clip_norm / (norm(grads) + BESIDE_NORM))
        grads = {name: grad * share for name, grad in grads.items()}
    return grads


def norm(arrays: Arrays) -> float:
    """Length of all arrays together, in float64."""
    return math.sqrt(sum(float((wide**2).sum()) for wide in _wide(arrays)))


def _wide(arrays: Arrays) -> list[np.ndarray]:
    return [array.astype(np.float64) for array in arrays.values()]

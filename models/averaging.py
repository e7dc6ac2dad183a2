"""Averaging of weights, as a pass over a train graph: its running statistics hold their mean.

Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging; with decay, as
`torch.optim.swa_utils` and `tf.train.ExponentialMovingAverage` offer it. As state of the graph it
is computed by the framework in its step, kept by every checkpoint, and held against NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models import passes
from models.errors import SpecError
from models.graph import Graph

Arrays = Mapping[str, np.ndarray]
PREFIX = "average."
# of the mean, what the weights of all steps so far add up to: 1 - decay ** steps
SHARE = f"{PREFIX}share"
EMPTY = ("zeros", 0.0)


def averaged(train: Graph, decay: float) -> Graph:
    """The train graph with the decaying mean of its trained parameters as state `average.NAME`.

    A step adds the weights that it starts from. Raises SpecError for a decay that is not between
    0 and 1.
    """
    if not 0 < decay < 1:
        raise SpecError(
            f"{train.name}: a decay of {decay} came; between 0 and 1 was due"
        )
    builder, values = passes.copy(train, lambda node, arguments: None)
    with builder.at(f"average of {train.name}"):
        share = builder.param(SHARE, (), init=EMPTY, trainable=False)
        builder.update(share, share * decay + (1 - decay))
        for name in train.trainable():
            # no gradient runs back through a mean
            weight = values[name].stop_gradient()
            mean = builder.param(
                PREFIX + name, weight.shape, init=EMPTY, trainable=False
            )
            builder.update(mean, mean * decay + weight * (1 - decay))
    return passes.finish(train, builder, values)


def read(params: Arrays) -> dict[str, np.ndarray]:
    """The weights that a training gives: their means where it has them, else the last ones."""
    own = {name: array for name, array in params.items() if not name.startswith(PREFIX)}
    share = params.get(SHARE)
    # before the first step there is nothing to take the mean of
    if share is None or not share:
        return own
    means = {}
    for name in own:
        if PREFIX + name in params:
            means[name] = params[PREFIX + name] / share
    return own | means

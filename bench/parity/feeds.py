"""Seeded inputs and noise of a graph.

Noise is fed, so that stochastic graphs compare exactly.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models import dims
from models.graph import Noise, Type
from models.noise import draw

Arrays = dict[str, np.ndarray]
# Screen coordinates lie within [-1, 1] and poses within a metre or two of their root.
SPREAD = 0.5


def drawn(
    inputs: Mapping[str, Type],
    noise: Mapping[str, Noise],
    lengths: dict[str, int],
    rng: np.random.Generator,
) -> Arrays:
    """Every input, then every noise, in their order, from one stream; all in float32."""
    found: Arrays = {}
    for name, type_ in inputs.items():
        found[name] = rng.normal(0, SPREAD, dims.bind(type_.shape, lengths))
    for name, drawing in noise.items():
        found[name] = draw(drawing, dims.bind(drawing.type.shape, lengths), rng)
    # Last first: a program that takes its feeds by their order, not by name, is found out.
    return {name: np.asarray(found[name], np.float32) for name in reversed(found)}

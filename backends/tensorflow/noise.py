"""Noise that TensorFlow draws itself, each input from a seed of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tensorflow import Tensor

from backends.base import Unsupported
from backends.tensorflow.layout import length
from models import dims
from models.graph import Graph, Noise


def noise(
    graph: Graph,
    inputs: Mapping[str, Any],
    seed: Tensor,
) -> dict[str, Tensor]:
    """Every noise input of `graph`, of the lengths that `inputs` have."""
    lengths: dict[str, Any] = {}
    for name, type_ in graph.inputs.items():
        for i, axis in enumerate(map(dims.axis_name, type_.shape)):
            if axis:  # a length that is no axis alone is made of those that are
                lengths[axis] = length(inputs[name], i)
    # one seed for all would give masks of one shape the same numbers
    seeds = tf.unstack(tf.random.split(seed, len(graph.noise)))
    return {
        name: _draw(own, asked, dims.bind(asked.type.shape, lengths))
        for own, (name, asked) in zip(seeds, graph.noise.items(), strict=True)
    }


def _draw(
    seed: Tensor,
    asked: Noise,
    shape: tuple[Any, ...],
) -> Tensor:
    """The seed gives other numbers under XLA, whichever algorithm is named."""
    match asked.kind:
        case "bernoulli":
            uniform = tf.random.stateless_uniform(shape, seed)
            return tf.cast(uniform < asked.number, tf.float32)
        case "normal":
            return tf.random.stateless_normal(shape, seed, stddev=asked.number)
        case "uniform":
            return tf.random.stateless_uniform(shape, seed, maxval=asked.number)
    raise Unsupported(
        f"{asked.kind} noise: backends/tensorflow/noise.py does not draw it"
    )

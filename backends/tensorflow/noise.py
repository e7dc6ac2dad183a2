"""Noise that TensorFlow draws itself, each input from a seed of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from backends.tensorflow.layout import length
from models import dims
from models.graph import Graph, Noise


def noise(graph: Graph, inputs: Mapping[str, Any], seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """Every noise input of `graph`, of the lengths that `inputs` have."""
    lengths = {
        axis: length(inputs[name], i)
        for name, type_ in graph.inputs.items()
        for i, axis in enumerate(map(dims.axis_name, type_.shape))
        if axis
    }
    # one seed for all would give masks of one shape the same numbers
    seeds = tf.unstack(tf.random.split(seed, len(graph.noise)))
    return {
        name: _draw(own, asked, dims.bind(asked.type.shape, lengths))
        for own, (name, asked) in zip(seeds, graph.noise.items(), strict=True)
    }


def _draw(seed: tf.Tensor, asked: Noise, shape: tuple[Any, ...]) -> tf.Tensor:
    """The seed gives other numbers under XLA, whichever algorithm is named."""
    match asked.kind:
        case "bernoulli":
            uniform = tf.random.stateless_uniform(shape, seed)
            return tf.cast(uniform < asked.number, tf.float32)
        case "normal":
            return tf.random.stateless_normal(shape, seed, stddev=asked.number)
    return tf.random.stateless_uniform(shape, seed, maxval=asked.number)

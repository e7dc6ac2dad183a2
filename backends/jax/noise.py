"""Noise that JAX draws itself: a pure function of a key, so that a compiled step can draw it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from backends.base import Unsupported
from models import dims
from models.errors import BadInput
from models.graph import Graph, Noise


def noise(
    graph: Graph,
    inputs: Mapping[str, Any],
    key: jax.Array | None,
) -> dict[str, jax.Array]:
    """Every noise input of `graph`, of the lengths that `inputs` have.

    Raises BadInput where noise is to be drawn and no key is given.
    """
    if not graph.noise:
        return {}
    if key is None:
        raise BadInput(
            f"{graph.name} draws noise and was given no key; call apply(params, inputs,"
            " key) with a jax.random.key"
        )
    lengths: dict[str, int] = {}
    for name, type_ in graph.inputs.items():
        for i, length in enumerate(type_.shape):
            # a length that is no axis alone has the empty name, for which nothing asks
            lengths[dims.axis_name(length)] = inputs[name].shape[i]
    # a key of its own for each, or masks of one shape would be the same mask
    keys = jax.random.split(key, len(graph.noise))
    return {
        name: _draw(own, asked, dims.bind(asked.type.shape, lengths))
        for own, (name, asked) in zip(keys, graph.noise.items(), strict=True)
    }


def _draw(
    key: jax.Array,
    asked: Noise,
    shape: tuple[int, ...],
) -> jax.Array:
    """Drawn by the key's generator: threefry, the same on every device."""
    match asked.kind:
        case "bernoulli":
            return jax.random.bernoulli(key, asked.number, shape).astype(jnp.float32)
        case "normal":
            return jax.random.normal(key, shape, jnp.float32) * asked.number
        case "uniform":
            return jax.random.uniform(key, shape, jnp.float32, 0.0, asked.number)
    raise Unsupported(f"{asked.kind} noise: backends/jax/noise.py does not draw it")

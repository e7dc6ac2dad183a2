"""Drawing noise where it is fed: bernoulli masks, normal and uniform numbers, in NumPy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from models import dims
from models.dims import Shape
from models.graph import Graph, Noise

Arrays = dict[str, np.ndarray]


def draw(noise: Noise, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Numbers of the kind that is asked for, in float32."""
    match noise.kind:
        case "bernoulli":  # a mask of ones and zeros
            drawn = (rng.random(shape) < noise.number).astype(float)
        case "uniform":
            drawn = rng.random(shape) * noise.number
        case _:
            drawn = rng.normal(0, noise.number, shape)
    # below `high` in float64, a uniform number may be rounded up to it
    largest = np.nextafter(np.float32(noise.number), np.float32(0))
    kept = np.asarray(drawn, np.float32)
    return np.minimum(kept, largest) if noise.kind == "uniform" else kept


def fixed(
    graph: Graph, lengths: Mapping[str, int], numbers: Iterable[int] | None = None
) -> Arrays:
    """The noise of a graph that is run for its answer: each sample has the same.

    It is drawn by its name for one sample and repeated, so that an answer depends neither on
    the batch that a sample is in, nor on the framework. Samples of which the `numbers` are given
    have noise of their own, by name and number: what hides a part of each should not hide the
    same of all.
    """
    found: Arrays = {}
    one = {**lengths, "batch": 1}
    for name, noise in graph.noise.items():
        digest = hashlib.sha256(name.encode()).digest()
        key, shape = int.from_bytes(digest[:8], "little"), _bound(noise.type.shape, one)
        if numbers is None:
            alone = draw(noise, shape, np.random.default_rng(key))
            whole = np.broadcast_to(alone, _bound(noise.type.shape, lengths))
        else:
            seeds = ([key, int(number)] for number in numbers)
            drawn = [draw(noise, shape, np.random.default_rng(seed)) for seed in seeds]
            # of a sample's own: the batch is the first axis
            whole = np.concatenate(drawn)
        found[name] = np.ascontiguousarray(whole)
    return found


def _bound(shape: Shape, lengths: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(dims.bind(shape, lengths))

"""Numbers on which a slope is told by rounding: a ReLU whose input is all but 0.

Two right frameworks round such an input to two sides of the kink, and then a gradient is off by
what that entry adds to it: by hundredths, in a small batch. So what a ladder is climbed with is
drawn again until it keeps away from kinks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import dims
from models.graph import Graph

Arrays = dict[str, np.ndarray]
# ops of one input whose slope jumps at 0
KINKED = ("abs", "leaky_relu", "relu")
# Shares of the input's root mean square: sums of float32 that frameworks add up in other
# orders part by some 1e-7 of it, and by more behind a normalisation.
NEAR = 3e-6
# Of normal entries 0.8 x NEAR are near. Of so many, two or three in each draw: hardly one of
# `TRIES` would do, and one entry of very many adds little to a gradient.
MANY = 1_000_000
TRIES = 8


def away(
    graph: Graph,
    params: Arrays,
    lengths: Mapping[str, int],
    draw: Callable[[], Arrays],
) -> Arrays:
    """Feeds of a train graph, the first that keep off its kinks; of `TRIES` the furthest."""
    first = draw()
    names = _bent(graph)
    if not names or _entries(graph, names, lengths) > MANY:
        return first
    best, far = first, nearest(graph, params, first)
    for _ in range(TRIES - 1):
        if far >= NEAR:
            break
        again = draw()
        distance = nearest(graph, params, again)
        if distance > far:
            best, far = again, distance
    return best


def nearest(graph: Graph, params: Arrays, feeds: Arrays) -> float:
    """How near an input of a kink comes to 0, in float64, as a share of its root mean square."""
    names = _bent(graph)
    bent = replace(graph, outputs={name: name for name in names}, state={}, labels={})
    program = NumpyProgram(bent, Settings(precision="fp64"))
    program.load({name: params[name] for name in graph.params})
    found = program({name: feeds[name] for name in (*graph.inputs, *graph.noise)})
    return min((_share(found[name]) for name in names), default=math.inf)


def _share(x: np.ndarray) -> float:
    size = np.abs(
        x[x != 0]
    )  # what is 0 by itself, as a padded entry, is so to everybody
    if not size.size:
        return math.inf
    return float(size.min() / np.sqrt(np.mean(np.square(size))))


def _bent(graph: Graph) -> list[str]:
    """The values of a graph that go into a kink."""
    made = {name for node in graph.nodes for name in node.results()}
    found = [node.inputs[0] for node in graph.nodes if node.op in KINKED]
    return [name for name in dict.fromkeys(found) if name in made]


def _entries(graph: Graph, names: list[str], lengths: Mapping[str, int]) -> int:
    shapes = [dims.bind(graph.types[name].shape, dict(lengths)) for name in names]
    return sum(math.prod(shape) for shape in shapes)

"""Numbers on which a slope is told by rounding: a ReLU whose input is all but 0.

Two right frameworks round such an input to two sides of the kink, and then a gradient is off by
what that entry adds to it: by hundredths, in a small batch. So what a ladder is climbed with is
drawn again until it keeps away from kinks. Where an op has some is told by its file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from models import dims, ops
from models.graph import FLOATS, Graph, Node

Arrays = dict[str, np.ndarray]
# Shares of the inputs' root mean square: sums of float32 that frameworks add up in other
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
    asked = list(_bent(graph))
    if not asked or _entries(graph, asked, lengths) > MANY:
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


def kinked(graph: Graph) -> list[str]:
    """The ops of a graph that have kinks and are given what others have computed."""
    return sorted({node.op for node in _bent(graph)})


def nearest(graph: Graph, params: Arrays, feeds: Arrays) -> float:
    """How near any node comes to a kink, in float64, as a share of its inputs' size.

    That is the root mean square of what is not 0 of them.
    """
    bent = list(_bent(graph))
    made = _made(graph)
    names = {name: name for node in bent for name in node.values() if name in made}
    inner = replace(graph, outputs=names, state={}, labels={})
    program = NumpyProgram(inner, Settings(precision="fp64"))
    program.load({name: params[name] for name in graph.params})
    given = {name: feeds[name] for name in (*graph.inputs, *graph.noise)}
    known = {**graph.constants, **program.params(), **given, **program(given)}
    lengths = _lengths(graph, feeds)
    return min((_share(node, known, lengths) for node in bent), default=math.inf)


def _share(
    node: Node, known: Mapping[str, np.ndarray], lengths: Mapping[str, int]
) -> float:
    """How near one node comes to its kink."""
    operands = [_operand(one, known, lengths) for one in node.inputs]
    attributes = {key: dims.at(one, lengths) for key, one in node.attributes.items()}
    kinks = ops.get(node.op).kinks
    assert kinks is not None
    # padding of a pool is infinitely far off, and twice of it no number
    with np.errstate(invalid="ignore"):
        found = np.abs(kinks(*operands, **attributes))
    # what is 0 by itself, as a padded entry, is so to everybody
    apart = found[(found != 0) & np.isfinite(found)]
    sizes = np.concatenate([np.ravel(one) for one in operands])
    sizes = sizes[(sizes != 0) & np.isfinite(sizes)]
    if not apart.size or not sizes.size:
        return math.inf
    return float(apart.min() / np.sqrt(np.mean(np.square(sizes))))


def _operand(
    operand: Any, known: Mapping[str, np.ndarray], lengths: Mapping[str, int]
) -> np.ndarray:
    """An input in float64; literals are numbers, or lengths."""
    given = known[operand] if isinstance(operand, str) else dims.at(operand, lengths)
    return np.asarray(given, np.float64)


def _bent(graph: Graph) -> Iterator[Node]:
    """The nodes with kinks whose inputs are computed; what is given, nobody rounds."""
    made = _made(graph)
    for node in graph.nodes:
        values = node.values()
        if ops.get(node.op).kinks is None or not made.intersection(values):
            continue
        if all(graph.types[name].dtype in FLOATS for name in values):
            yield node


def _made(graph: Graph) -> set[str]:
    return {name for node in graph.nodes for name in node.results()}


def _lengths(graph: Graph, feeds: Arrays) -> dict[str, int]:
    """How long the open axes are in these feeds."""
    lengths: dict[str, int] = {}
    for name, type_ in graph.inputs.items():
        dims.match(type_.shape, feeds[name].shape, lengths)
    return lengths


def _entries(graph: Graph, asked: list[Node], lengths: Mapping[str, int]) -> int:
    names = dict.fromkeys(name for node in asked for name in node.values())
    shapes = [dims.bind(graph.types[name].shape, lengths) for name in names]
    return sum(math.prod(shape) for shape in shapes)

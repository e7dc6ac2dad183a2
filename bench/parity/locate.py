"""First divergence: which node is the cause.

Each node runs alone, fed the oracle's inputs; it is the first whose own error breaks its
budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backends.base import Backend, Settings
from backends.numpy.program import NumpyProgram
from bench.exam.draws import weights_for
from bench.exam.probe import Probe
from bench.parity import budget
from models import dims
from models.dims import Dim
from models.graph import Graph, Node

Arrays = dict[str, np.ndarray]
# Of the weights that make one number of a node's results, to be differentiated.
SEED = 1
# A gradient is judged on at least this share of the node's largest: one that is far smaller
# is a sum that cancels.
NEAR_ZERO = 1e-3
SAID = 120  # characters that are kept of what a framework says when it raises


@dataclass(frozen=True)
class Fault:
    """A node that is wrong by itself: the probe that shows it, and what to say of it."""

    probe: Probe
    text: str  # op, name, model file and line, what is wrong


def first_fault(
    graphs: Iterable[Graph],
    backend: Backend,
    device: str,
    params: Arrays,
    feeds: Arrays,
) -> Fault | None:
    """The first node of the first graph that is wrong by itself; None where there is none."""
    for graph in graphs:
        for node, probe in probes(graph, params, feeds):
            if said := judge(probe, backend, Settings(device=device)):
                return Fault(probe, f"{node.op} {node.name} at {node.where} ({said})")
    return None


def probes(
    graph: Graph,
    params: Arrays,
    feeds: Arrays,
) -> Iterator[tuple[Node, Probe]]:
    """Every node as a probe on the float32 values that the oracle has at its inputs."""
    program = NumpyProgram(graph, Settings(precision="fp64"))
    program.load({name: params[name] for name in graph.params})
    fed = program.put(feeds)
    known = {**program.params(), **graph.constants, **fed, **program.taps(fed)}
    lengths = _lengths(graph, feeds)

    def operand(given: object) -> Any:
        """A value of the graph by name, a length as its number, a literal as it is."""
        return (
            _float32(known[given]) if isinstance(given, str) else _bound(given, lengths)
        )

    for node in graph.nodes:
        operands = tuple(map(operand, node.inputs))
        attributes = {
            key: _bound(value, lengths) for key, value in node.attributes.items()
        }
        yield node, Probe(node.op, operands, attributes, where=node.where)


def judge(probe: Probe, backend: Backend, settings: Settings) -> str:
    """What is wrong with a backend's answer to a probe: value first, then gradients.

    Empty where nothing is.
    """
    due = probe.reference(np.float64)
    rough = probe.reference(np.float32)
    try:
        came = probe.run(backend, settings)
    except Exception as error:  # whatever a framework raises is the divergence
        return _raised(error)
    for result, array, other in zip(came, due, rough, strict=True):
        off = budget.error(result, array)
        bound = budget.bound("node", budget.error(other, array))
        if off > bound:
            return f"value off by {off:.1e}, {bound:.1e} allowed"
    # what has no gradient is not asked for one: integers, signs, comparisons
    if probe.has_gradient(due):
        return _judge_gradients(probe, backend, settings, weights_for(due, seed=SEED))
    return ""


def _judge_gradients(
    probe: Probe,
    backend: Backend,
    settings: Settings,
    weights: Sequence[np.ndarray],
) -> str:
    exact, near = (
        probe.oracle_gradients(weights, working) for working in ("fp64", "fp32")
    )
    try:
        own = probe.gradients(backend, settings, weights)
    except Exception as error:  # as above
        return f"gradient: {_raised(error)}"
    sizes = [float(np.abs(grad).max(initial=0.0)) for grad in exact.values()]
    scale = NEAR_ZERO * max(sizes)
    for name, array in exact.items():
        off = budget.error(own[name], array, scale=scale)
        yardstick = budget.error(near[name], array, scale=scale)
        bound = budget.bound("gradient of node", yardstick)
        if off > bound:
            return f"gradient of input {name} off by {off:.1e}, {bound:.1e} allowed"
    return ""


def _raised(error: Exception) -> str:
    """One line, as some frameworks say a page."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:SAID]}"


def _lengths(graph: Graph, feeds: Arrays) -> dict[str, int]:
    """What the symbols of the graph's shapes stand for."""
    lengths: dict[str, int] = {}
    for name, type_ in graph.inputs.items():
        dims.match(type_.shape, feeds[name].shape, lengths)
    return lengths


def _bound(value: object, lengths: dict[str, int]) -> object:
    """Symbols as numbers, also those within a tuple: a probe has no open axes."""
    if isinstance(value, Dim):
        return int(value.bind(lengths))
    if isinstance(value, tuple):
        return tuple(_bound(item, lengths) for item in value)
    return value


def _float32(array: np.ndarray) -> np.ndarray:
    """What the backend sees there: floats rounded, integers and truth values as they are."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array

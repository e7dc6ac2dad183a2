"""First divergence: which node is the cause.

Each node runs alone, fed the oracle's inputs; it is the first whose own error breaks its
budget. Where each alone is right, as they may be for lengths that are numbers, the graph
itself is asked for all of its values, its axes open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backends.base import Backend, Settings, Unsupported
from backends.numpy.program import NumpyProgram
from bench.exam.draws import weights_for
from bench.exam.grouping import halved
from bench.exam.probe import Probe, Results, gradients, oracle_gradients, run
from bench.parity import budget
from bench.parity.trial import NUDGE, Arrays
from bench.processes.blame import RAISED, said
from models import dims
from models.dims import Dim
from models.graph import Graph, Node

# Of the weights that make one number of a node's results, to be differentiated.
SEED = 1
# A gradient is judged on at least this share of the node's largest: one that is far smaller
# is a sum that cancels.
NEAR_ZERO = 1e-3
# Nodes in one program: a framework that compiles is compiled once for all of them.
TOGETHER = 48
TAP = "tap/"
# What a loss of a node's results is made of: where one of these is wrong, so is the gradient
# of every node.
SCAFFOLD = ("multiply", "sum", "add")
NUDGES = (0, 1, 2)  # disturbances of the inputs; 0 is none


@dataclass(frozen=True)
class Fault:
    """A node that is wrong, the probe that shows it, and what to say of it."""

    op: str
    where: str  # model file and line
    text: str  # op, name, model file and line, what is wrong
    probe: Probe | None  # none where it is wrong within its graph alone


def first_fault(
    graphs: Iterable[Graph],
    backend: Backend,
    device: str,
    params: Arrays,
    feeds: Arrays,
) -> Fault | None:
    """The first node of the first graph that is wrong by itself; None where there is none."""
    for graph in graphs:
        asked = list(probes(graph, params, feeds))
        for i in range(0, len(asked), TOGETHER):
            part = asked[i : i + TOGETHER]
            found = judged([probe for _, probe in part], backend, device)
            for (node, probe), said_of_it in zip(part, found, strict=True):
                if said_of_it:
                    fault = _fault(node, said_of_it, probe)
                    return _below(fault, said_of_it, asked, backend, device)
    return None


def _below(
    fault: Fault,
    said_of_it: str,
    asked: Sequence[tuple[Node, Probe]],
    backend: Backend,
    device: str,
) -> Fault:
    """The fault, or that of a node which spoils gradients of whatever is asked for them."""
    if not said_of_it.startswith("gradient"):
        return fault
    beams = [(node, probe) for node, probe in asked if node.op in SCAFFOLD]
    found = judged([probe for _, probe in beams], backend, device)
    wrong = [
        _fault(node, more, probe)
        for (node, probe), more in zip(beams, found, strict=True)
        if more
    ]
    # a value is asked without the others; of gradients, those of sums are made of products
    return min(wrong, key=_depth, default=fault)


def _depth(fault: Fault) -> tuple[bool, int]:
    return "(gradient" in fault.text, SCAFFOLD.index(fault.op)


def judge(probe: Probe, backend: Backend, settings: Settings) -> str:
    """What is wrong with a backend's answer to a probe: value first, then gradients.

    Empty where nothing is.
    """
    return judged([probe], backend, settings.device)[0]


def judged(probes: Sequence[Probe], backend: Backend, device: str) -> list[str]:
    """What is wrong with each of several probes, asked together."""
    settings = Settings(device=device)
    due = [probe.reference(np.float64) for probe in probes]
    came = halved(lambda some: run(some, backend, settings), probes)
    found = [
        _value(probe, answer, exact)
        for probe, answer, exact in zip(probes, came, due, strict=True)
    ]
    # what has no gradient is not asked for one: integers, signs, comparisons
    smooth = [
        i
        for i, probe in enumerate(probes)
        if not found[i] and probe.has_gradient(due[i])
    ]
    weights = {i: weights_for(due[i], seed=SEED) for i in smooth}

    def ask(some: Sequence[int]) -> list[Arrays]:
        asked, own = [probes[i] for i in some], [weights[i] for i in some]
        return gradients(asked, backend, settings, own)

    for i, answer in zip(smooth, halved(ask, smooth), strict=True):
        found[i] = _slope(probes[i], answer, weights[i])
    return found


def _value(probe: Probe, came: Results | BaseException, due: Results) -> str:
    if isinstance(came, Unsupported):
        return ""  # not asked, so not wrong
    if isinstance(came, BaseException):
        return said(came)
    roughs = [nudged(probe, nudge).reference(np.float32) for nudge in NUDGES]
    for i, exact in enumerate(due):
        off = budget.error(came[i], exact)
        yardstick = max(budget.error(rough[i], exact) for rough in roughs)
        bound = budget.bound("node", yardstick)
        if not off <= bound:
            return f"value off by {off:.1e}, {bound:.1e} allowed"
    return ""


def _slope(
    probe: Probe, came: Arrays | BaseException, weights: Sequence[np.ndarray]
) -> str:
    if isinstance(came, Unsupported):
        return ""  # as above: a runtime may not train at all
    if isinstance(came, BaseException):
        return f"gradient: {said(came)}"
    [exact] = oracle_gradients([probe], [weights], "fp64")
    roughs = [
        oracle_gradients([nudged(probe, nudge)], [weights], "fp32")[0]
        for nudge in NUDGES
    ]
    sizes = [float(np.abs(grad).max(initial=0.0)) for grad in exact.values()]
    scale = NEAR_ZERO * max(sizes)
    for name, array in exact.items():
        off = budget.error(came[name], array, scale=scale)
        errors = [budget.error(rough[name], array, scale=scale) for rough in roughs]
        bound = budget.bound("gradient of node", max(errors))
        if not off <= bound:
            return f"gradient of input {name} off by {off:.1e}, {bound:.1e} allowed"
    return ""


def nudged(probe: Probe, seed: int) -> Probe:
    """The probe with each float off by about one rounding; as it is for seed 0."""
    if not seed:
        return probe
    rng = np.random.default_rng([SEED, seed])

    def moved(operand: Any) -> Any:
        if not isinstance(operand, np.ndarray) or operand.dtype.kind != "f":
            return operand
        shift = 1 + NUDGE * rng.normal(size=operand.shape)
        return np.asarray(operand * shift, np.float32)

    return replace(probe, operands=tuple(map(moved, probe.operands)))


def probes(
    graph: Graph,
    params: Arrays,
    feeds: Arrays,
) -> Iterator[tuple[Node, Probe]]:
    """Every node as a probe on the float32 values that the oracle has at its inputs."""
    known = _values(graph, params, feeds)
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


def first_within(
    graph: Graph, backend: Backend, device: str, params: Arrays, feeds: Arrays
) -> Fault | None:
    """The first node whose value is wrong, or that raises, where it stands in its graph."""
    settings = Settings(device=device)

    def ask(count: int) -> Arrays:
        """All values of the first so many nodes, on open axes."""
        part = _beginning(graph, count)
        program = backend.program(part, settings)
        program.load({name: params[name] for name in part.params})
        return program({name: feeds[name] for name in (*part.inputs, *part.noise)})

    try:
        came = ask(len(graph.nodes))
    except MemoryError:
        raise
    except RAISED as error:
        return _raising(graph, ask, error)
    exact, rough = (
        _values(graph, params, feeds, precision) for precision in ("fp64", "fp32")
    )
    for node in graph.nodes:
        for name in node.results():
            off = budget.error(came[TAP + name], exact[name])
            bound = budget.bound("forward", budget.error(rough[name], exact[name]))
            if not off <= bound:
                text = f"value off by {off:.1e}, {bound:.1e} allowed, within the graph"
                return _fault(node, text, None)
    return None


def _raising(graph: Graph, ask: Any, error: BaseException) -> Fault | None:
    """The node without which nothing raises: what holds it raises, what ends before it not."""
    fine, bad = 0, len(graph.nodes)
    while bad - fine > 1:
        middle = (fine + bad) // 2
        try:
            ask(middle)
        except RAISED as found:
            bad, error = middle, found
        else:
            fine = middle
    return _fault(graph.nodes[bad - 1], said(error), None)


def _beginning(graph: Graph, count: int) -> Graph:
    """The graph up to its first `count` nodes, all of whose values are outputs."""
    names = [name for node in graph.nodes[:count] for name in node.results()]
    # state would have to be updated by nodes that are left out
    return replace(
        graph,
        nodes=graph.nodes[:count],
        # under names of their own: some formats know an output by its value's
        outputs={f"{TAP}{name}": name for name in names},
        state={},
        labels={},
    )


def _values(
    graph: Graph, params: Arrays, feeds: Arrays, precision: str = "fp64"
) -> Arrays:
    """Every value of a graph, as NumPy has it."""
    program = NumpyProgram(graph, Settings(precision=precision))
    program.load({name: params[name] for name in graph.params})
    fed = program.put(feeds)
    return {**program.params(), **graph.constants, **fed, **program.taps(fed)}


def _fault(node: Node, what: str, probe: Probe | None) -> Fault:
    text = f"{node.op} {node.name} at {node.where} ({what})"
    return Fault(node.op, node.where, text, probe)


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

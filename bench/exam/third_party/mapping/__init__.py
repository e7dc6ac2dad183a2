"""ONNX nodes in the terms of the language.

Each file of this folder contributes `MAP`, ONNX operator -> function of a Call.

A mapping composes ops of the language where the meaning is exactly the same; it never
computes the answer beforehand. What says how the graph looks (axes, shapes, sizes, a fixed
table such as a triangle) is read while it is built; what is data stays an input. In a graph
of several nodes, those that no data reach (constants, arithmetic on shapes) are worked out
while it is built.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np

from backends.base import Settings
from backends.numpy.program import NumpyProgram
from bench.exam.third_party.cases import Case, Node
from bench.exam.third_party.mapping import fixed
from bench.exam.third_party.mapping.call import Call, NotMappable, Results, Scope
from bench.exam.third_party.reasons import OPERATORS
from models.builder import Builder
from models.graph import Graph
from models.value import Value

__all__ = ["Call", "NotMappable", "feeds", "mark", "table", "to_graph", "together"]

# bfloat16 has no place in the collected files
TYPES = ("float32", "float16", "int64", "int32", "bool")
UNKNOWN = "no op of the language, nor a composition of them, has this meaning"


@cache
def table() -> dict[str, Callable[[Call], Results]]:
    """Every mapping by ONNX operator."""
    found: dict[str, Callable[[Call], Results]] = {}
    for module in pkgutil.iter_modules(__path__):
        # some files serve the others and map nothing
        found |= getattr(
            importlib.import_module(f"{__name__}.{module.name}"), "MAP", {}
        )
    return dict(sorted(found.items()))


def to_graph(case: Case) -> Graph:
    """The case as a graph with inputs x0, x1, ... and outputs y0, y1, ...

    Raises NotMappable with the reason.
    """
    builder = Builder(f"onnx_{case.name}")
    _write(case, builder, "")
    return builder.finish()


def together(cases: Sequence[Case]) -> Graph:
    """Some cases in one graph; names of inputs and outputs end in each one's `mark`."""
    builder = Builder(f"onnx_{cases[0].name}_and_{len(cases) - 1}_more")
    for i, case in enumerate(cases):
        _write(case, builder, mark(i))
    return builder.finish()


def mark(i: int) -> str:
    """What tells the names of one case from those of the others in its graph."""
    return f"_{i}"


def _write(case: Case, builder: Builder, own: str) -> None:
    # Before types: that an operator is none of the language is the better reason.
    for node in case.nodes:
        if node.op not in table() and node.op not in fixed.RULES:
            raise NotMappable(OPERATORS.get(node.op, UNKNOWN))
    strange = sorted(set(case.types) - set(TYPES))
    if strange:
        raise NotMappable(f"element type {strange[0]} is not in the language")
    scope = Scope(builder, case, own)
    for node in case.nodes:
        _translate(node, scope)
    for i, name in enumerate(case.outputs):
        builder.output(f"y{i}{own}", _result(name, scope))


def _translate(node: Node, scope: Scope) -> None:
    """Make the node's outputs known.

    As arrays where no data have a part in them, else as values.
    """
    if node.op in fixed.RULES:
        rule = fixed.RULES[node.op]
        scope.fixed[node.outputs[0]] = rule(Call(node, scope))
        return
    if all(name in scope.fixed for name in node.inputs if name):
        scope.fixed.update(_folded(node, scope))
        return
    results = table()[node.op](Call(node, scope))
    values = [results] if isinstance(results, Value) else results
    # not strict: a mapping may give more than the node names, or leave out the last ones
    for name, value in zip(node.outputs, values, strict=False):
        if value is not None:
            scope.values[name] = value


def _folded(node: Node, scope: Scope) -> dict[str, np.ndarray]:
    """What a node makes of fixed arrays: its own mapping, run by the oracle.

    Lengths are also divided, which the language does not.
    """
    inputs = {name: scope.fixed[name] for name in node.inputs if name}
    lengths = all(array.dtype.kind == "i" for array in inputs.values())
    if lengths and node.op in fixed.DIVISIONS:
        divided = fixed.DIVISIONS[node.op](*inputs.values())
        return {node.outputs[0]: divided}
    # Of a case the mapping reads names only where outputs are concerned.
    outputs = {name: np.empty(0) for name in node.outputs if name}
    alone = Case(node.op, scope.case.opsets, (node,), inputs, outputs, types=())
    graph = to_graph(alone)
    results = NumpyProgram(graph, Settings())(feeds(alone, graph))
    return dict(zip(outputs, results.values(), strict=True))


def _result(name: str, scope: Scope) -> Value:
    """An expected output of the case."""
    if name in scope.fixed:
        raise NotMappable("makes a constant; nothing is computed from data")
    if name not in scope.values:
        raise NotMappable(f"an output of {scope.case.op} has no mapping")
    return scope.values[name]


def feeds(case: Case, graph: Graph, own: str = "") -> Mapping[str, np.ndarray]:
    """What goes into the inputs of `to_graph(case)`, or of the case with that mark."""
    # numbered among all inputs of the case; those that shape the graph are not fed
    arrays = {f"x{i}{own}": array for i, array in enumerate(case.inputs.values())}
    return {name: array for name, array in arrays.items() if name in graph.inputs}

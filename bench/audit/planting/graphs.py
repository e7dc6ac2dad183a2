"""Graphs that compute something else than the one that was asked for.

The fault is written in the language itself, so it runs natively on any backend. Shapes, types,
names and the model's lines stay: what is wrong is the numbers alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from backends.base import Settings
from models.builder import Builder
from models.graph import FLOATS, Graph, Node
from models.passes import Arguments, Values, copy, rewritten
from models.value import Value, emit, emit_all

# operands, attributes -> what the node is to give; None: what it gives by right
Wrong = Callable[..., Value | tuple[Value, ...] | None]
When = Callable[[Settings], bool]


@dataclass
class Touched:
    """Which nodes a fault has changed, and where it could not be planted as it was meant."""

    nodes: set[tuple[str, str]] = field(default_factory=set)  # op, model line
    # of all graphs: what a fault beside the graph may be blamed on
    seen: set[tuple[str, str]] = field(default_factory=set)
    slips: set[str] = field(default_factory=set)

    def lines(self) -> set[tuple[str, str]]:
        """Where a fault may rightly be found."""
        return self.nodes or self.seen


# graph, how it is to run, what is kept of it -> the wrong graph
Rewrite = Callable[[Graph, Settings, Touched], Graph]


def apply(
    rewrite: Rewrite, graph: Graph, settings: Settings, touched: Touched
) -> Graph:
    """The wrong graph. A fault that fits no rule of the language is a slip, and raises."""
    try:
        return rewrite(graph, settings, touched)
    except Exception as error:
        # a backend that raises would count as caught, and nothing was planted in it
        touched.slips.add(f"{graph.name}: {type(error).__name__}: {error}")
        raise


def always(settings: Settings) -> bool:
    """However the graph is to run."""
    return True


def nodes(
    op: str, wrong: Wrong, *, floats: bool = True, when: When = always
) -> Rewrite:
    """Every node of an op computes `wrong` instead.

    Where `floats`, those alone whose first result is of floats; only graphs that are to run
    as `when` says.
    """

    def rewrite(graph: Graph, settings: Settings, touched: Touched) -> Graph:
        def rule(node: Node, arguments: Arguments) -> Sequence[Value] | None:
            if node.op != op or (floats and node.outputs[0].dtype not in FLOATS):
                return None
            made = wrong(*arguments, **node.attributes)
            if made is None:
                return None
            results = made if isinstance(made, tuple) else (made,)
            came = tuple(result.type for result in results)
            if came != node.outputs:
                raise ValueError(f"{came} was planted where {node.outputs} is due")
            touched.nodes.add((op, node.where))
            return results

        return rewritten(graph, rule) if when(settings) else graph

    return rewrite


def inputs(wrong: Callable[[Value], Value], *, when: When = always) -> Rewrite:
    """Every float input is read as `wrong` of it."""

    def rewrite(graph: Graph, settings: Settings, touched: Touched) -> Graph:
        bent: Values = {}

        def read(argument: Any) -> Any:
            name = argument.name if isinstance(argument, Value) else ""
            if name not in graph.inputs or argument.dtype not in FLOATS:
                return argument
            if name not in bent:
                bent[name] = wrong(argument)
            return bent[name]

        def rule(node: Node, arguments: Arguments) -> Sequence[Value]:
            return emit_all(node.op, *map(read, arguments), **node.attributes)

        return rewritten(graph, rule) if when(settings) else graph

    return rewrite


def results(wrong: Callable[[Value], Value], *, when: When = always) -> Rewrite:
    """Every float output leaves as `wrong` of it; inside, nothing has changed."""

    def rewrite(graph: Graph, settings: Settings, touched: Touched) -> Graph:
        if not when(settings):
            return graph
        builder, values = copy(graph, lambda node, arguments: None)
        with builder.at(f"results of {graph.name}"):
            for name, value in graph.outputs.items():
                given = values[value]
                bent = wrong(given) if given.dtype in FLOATS else given
                builder.output(name, bent)
        return _closed(graph, builder, values)

    return rewrite


def both(*rewrites: Rewrite) -> Rewrite:
    """One after the other."""

    def rewrite(graph: Graph, settings: Settings, touched: Touched) -> Graph:
        for one in rewrites:
            graph = one(graph, settings, touched)
        return graph

    return rewrite


def slope(value: Value, like: Value) -> Value:
    """The numbers of `value`, to the last bit, with the gradient of `like`."""
    # 0 in value, whatever `like` is, and all of its slope
    nothing = like - emit("stop_gradient", like)
    return emit("stop_gradient", value) + nothing


def rounded(value: Value, digits: int) -> Value:
    """A float32 value with so many binary digits: 8 of bfloat16, 11 of TF32 and float16.

    Veltkamp's splitting. A cast there and back would be taken out by compilers that may keep
    more digits than they are asked for.
    """
    wide = value * float(2 ** (24 - digits) + 1)
    return wide - (wide - value)


def _closed(graph: Graph, builder: Builder, values: Values) -> Graph:
    """Labels and state of the graph, beside outputs that are declared already."""
    for name, value in graph.labels.items():
        builder.label(name, values[value])
    for name, value in graph.state.items():
        builder.update(values[name], values[value])
    return builder.finish()

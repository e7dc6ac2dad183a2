"""Passes: graph -> graph, checked after each. decompose, to_inference, prune."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import replace

from models import ops
from models.builder import Builder
from models.dims import Dim
from models.graph import Graph, Node, check
from models.value import Value, emit, emit_all

Arguments = Sequence[Value | float | Dim]
Rule = Callable[[Node, Arguments], Sequence[Value] | None]


def copy(graph: Graph, rule: Rule) -> tuple[Builder, dict[str, Value]]:
    """Write `graph` down again in a new Builder, each node as `rule` says (None:
    unchanged); also the value each old name became.
    """
    builder = Builder(graph.name)
    values = builder.import_from(graph)
    for node in graph.nodes:
        arguments: Arguments = [
            values[operand] if isinstance(operand, str) else operand
            for operand in node.inputs
        ]
        with builder.at(node.where):
            results = rule(node, arguments) or emit_all(
                node.op, *arguments, **node.attributes
            )
        values |= dict(zip(node.results(), results, strict=True))
    return builder, values


def decompose(graph: Graph, has: Container[str]) -> Graph:
    """Replace every composition that is not in `has` by its body, until only primitives and
    ops in `has` are left.
    """

    def expand(node: Node, arguments: Arguments) -> Sequence[Value] | None:
        body = ops.get(node.op).body
        if body is None or node.op in has:
            return None
        result = body(*arguments, **node.attributes)
        return result if isinstance(result, tuple) else (result,)

    while any(
        ops.get(node.op).body is not None and node.op not in has for node in graph.nodes
    ):
        graph = _finish(graph, *copy(graph, expand))
    return graph


def to_inference(graph: Graph, *, outputs: Sequence[str]) -> Graph:
    """What runs in production: no dropout, running statistics instead of the batch's,
    nothing but `outputs`.
    """

    def still(node: Node, arguments: Arguments) -> Sequence[Value] | None:
        if node.op == "dropout":
            # the dropped tensor is never a literal
            return (arguments[0],)  # type: ignore[return-value]
        if node.op == "batch_norm_train":
            return (
                emit("batch_norm", *arguments, eps=node.attributes["eps"]),
                *arguments[3:5],
            )  # type: ignore[arg-type]
        return None

    inferred = replace(
        _finish(graph, *copy(graph, still)),
        state={},
        name=graph.name.replace("train", "infer"),
    )
    return prune(inferred.with_outputs(*outputs))


def prune(graph: Graph) -> Graph:
    """Leave out nodes, inputs, noise and constants that no output or state needs.

    Parameters stay: a checkpoint holds them.
    """
    needed = set(graph.outputs.values()) | set(graph.state.values())
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if needed & set(node.results()):
            kept.append(node)
            needed |= set(node.values())
    return check(
        replace(
            graph,
            nodes=tuple(reversed(kept)),
            inputs={name: type_ for name, type_ in graph.inputs.items() if name in needed},
            noise={name: noise for name, noise in graph.noise.items() if name in needed},
            constants={
                name: array for name, array in graph.constants.items() if name in needed
            },
            labels={label: name for label, name in graph.labels.items() if name in needed},
        )
    )


def _finish(graph: Graph, builder: Builder, values: dict[str, Value]) -> Graph:
    """Carry outputs, labels and state updates over to the copy."""
    for name, value in graph.outputs.items():
        builder.output(name, values[value])
    for name, value in graph.labels.items():
        builder.label(name, values[value])
    for name, value in graph.state.items():
        builder.update(values[name], values[value])
    return builder.finish()

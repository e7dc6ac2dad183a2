"""Passes: graph -> graph, checked after each. rewritten, decompose, to_inference, fed, prune.

`inline` writes one graph into another.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from models import dims, ops
from models.builder import Builder
from models.dims import Dim, Length
from models.graph import Graph, Node, check
from models.value import Value, emit, emit_all

Arguments = Sequence[Value | float | Dim]
Rule = Callable[[Node, Arguments], Sequence[Value] | None]
Values = dict[str, Value]
Kept = TypeVar("Kept")


def copy(graph: Graph, rule: Rule) -> tuple[Builder, Values]:
    """Write `graph` down again in a new Builder, each node as `rule` says (None: unchanged).

    Also gives the value that each old name became.
    """
    builder = Builder(graph.name)
    values = builder.import_from(graph)
    for node in graph.nodes:
        arguments: Arguments = [
            values[operand] if isinstance(operand, str) else operand
            for operand in node.inputs
        ]
        # whatever a rule makes of a node is still the author's line
        with builder.at(node.where):
            results = rule(node, arguments) or _again(builder, graph, node, arguments)
        values |= dict(zip(node.results(), results, strict=True))
    return builder, values


def _again(
    builder: Builder, graph: Graph, node: Node, arguments: Arguments
) -> Sequence[Value]:
    """A node as it is, of the values that its own became."""
    operands = zip(node.values(), _values(arguments), strict=True)
    if any(value.type != graph.types[name] for name, value in operands):
        return emit_all(node.op, *arguments, **node.attributes)
    # of operands of the same types the op table says what it said
    inputs = tuple(each.name if isinstance(each, Value) else each for each in arguments)
    name = builder.fresh(node.op)
    made = Node(name, node.op, inputs, node.attributes, node.outputs, node.where)
    return builder.add(made)


def _values(arguments: Arguments) -> list[Value]:
    return [each for each in arguments if isinstance(each, Value)]


def inline(
    builder: Builder,
    graph: Graph,
    inputs: Mapping[str, Value],
    *,
    lengths: Mapping[str, Length] | None = None,
) -> Values:
    """Write `graph` down in `builder`, fed with values of it; what each output became.

    Noise is fed as inputs are. `lengths` says what its axes are there, where that is another
    length. Parameters and constants keep their names, and a second time are the same ones. A
    graph with state has no place inside another.
    """
    bound = lengths or {}
    values: Values = dict(inputs)
    for name, param in graph.params.items():
        values[name] = builder.param(
            name,
            dims.bind(param.type.shape, {}),
            init=param.init,
            trainable=param.trainable,
            dtype=param.type.dtype,
        )
    for name, array in graph.constants.items():
        values[name] = builder.constant(name, array)
    for node in graph.nodes:
        arguments = [
            values[operand] if isinstance(operand, str) else dims.at(operand, bound)
            for operand in node.inputs
        ]
        attributes = {key: dims.at(one, bound) for key, one in node.attributes.items()}
        with builder.at(node.where):
            results = emit_all(node.op, *arguments, **attributes)
        values |= dict(zip(node.results(), results, strict=True))
    return {name: values[value] for name, value in graph.outputs.items()}


def rewritten(graph: Graph, rule: Rule) -> Graph:
    """The graph with each node as `rule` says, its outputs, labels and state carried over."""
    return finish(graph, *copy(graph, rule))


def decompose(graph: Graph, has: Container[str]) -> Graph:
    """Replace every composition that is not in `has` by its body.

    Only primitives and ops in `has` are left.
    """

    def composed(node: Node) -> bool:
        return node.op not in has and ops.get(node.op).body is not None

    def expand(node: Node, arguments: Arguments) -> Sequence[Value] | None:
        body = ops.get(node.op).body
        if body is None or not composed(node):
            return None
        result = body(*arguments, **node.attributes)
        return result if isinstance(result, tuple) else (result,)

    # a body may hold compositions itself: softmax in attention, mean in layer_norm
    while any(composed(node) for node in graph.nodes):
        graph = rewritten(graph, expand)
    return graph


def to_inference(graph: Graph, *, outputs: Sequence[str]) -> Graph:
    """What runs in production: no dropout, running statistics, nothing but `outputs`."""

    def still(node: Node, arguments: Arguments) -> Sequence[Value] | None:
        if node.op == "dropout":
            # x mask / (1 - rate) is x on average; the dropped tensor is never a literal
            return (arguments[0],)  # type: ignore[return-value]
        if node.op == "batch_norm_train":
            # (x, weight, bias, mean, var) -> (result, mean, var): the statistics stay
            fixed = emit("batch_norm", *arguments, eps=node.attributes["eps"])
            return (fixed, *arguments[3:5])  # type: ignore[arg-type]
        return None

    inferred = replace(
        rewritten(graph, still),
        state={},
        name=graph.name.replace("train", "infer"),
    )
    return prune(inferred.with_outputs(*outputs))


def fed(graph: Graph, labels: Sequence[str]) -> Graph:
    """The graph with labelled values as inputs, by their labels, and not computed.

    For what jumps, such as the choice of the nearest: a rounding may turn it, and all behind it
    with it. Where every side is fed the same, what comes of it can be compared. Raises SpecError
    for a label that is not there.
    """
    graph.with_outputs(*labels)  # says which names there are
    wanted = {graph.labels.get(label, label): label for label in labels}

    def given(node: Node, arguments: Arguments) -> Sequence[Value] | None:
        if node.name not in wanted:
            return None
        builder = next(each.graph for each in arguments if isinstance(each, Value))
        (type_,) = node.outputs
        return (builder.input(wanted[node.name], type_.shape, dtype=type_.dtype),)

    return prune(rewritten(graph, given))


def prune(graph: Graph) -> Graph:
    """Leave out nodes, inputs, noise and constants that no output or state needs.

    Parameters stay: a checkpoint holds them.
    """
    needed = {*graph.outputs.values(), *graph.state.values()}
    nodes: list[Node] = []
    for node in reversed(graph.nodes):
        if needed & set(node.results()):
            nodes.append(node)
            needed |= set(node.values())
    # a label names a value, and goes with it; it keeps none alive
    named = graph.labels.items()
    labels = {label: name for label, name in named if name in needed}
    pruned = replace(
        graph,
        nodes=tuple(reversed(nodes)),
        inputs=_only(graph.inputs, needed),
        noise=_only(graph.noise, needed),
        constants=_only(graph.constants, needed),
        labels=labels,
    )
    return check(pruned)


def _only(values: Mapping[str, Kept], needed: set[str]) -> dict[str, Kept]:
    return {name: value for name, value in values.items() if name in needed}


def finish(graph: Graph, builder: Builder, values: Values) -> Graph:
    """Carry outputs, labels and state updates over to the copy."""
    for name, value in graph.outputs.items():
        builder.output(name, values[value])
    for name, value in graph.labels.items():
        builder.label(name, values[value])
    for name, value in graph.state.items():
        builder.update(values[name], values[value])
    return builder.finish()

"""A graph made cheaper without another result: what is computed twice, or spread out too early.

What differentiation writes down is correct and wasteful. A backend with a compiler clears it away;
one that runs node by node pays for each pass over memory.

`spread_late`: f(broadcast_to(a), broadcast_to(b)) becomes broadcast_to(f(a, b)), and next to a
tensor that has all the axes already nothing is spread at all: elementwise ops broadcast anyway.
`turned_once`: a permutation of a permutation is one, and none where it leads back.
`shared`: common-subexpression elimination (Cocke, 1970): equal calls of equal operands are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from models.graph import Graph, Node, check
from models.ops.elementwise import OPS as ELEMENTWISE
from models.passes import Arguments, prune, rewritten
from models.value import Value, emit_all


def tidied(graph: Graph) -> Graph:
    """The same outputs and state, to the bit, from fewer and smaller calls."""
    clean = prune(shared(turned_once(spread_late(graph))))
    # whoever calls it gives what he gave before; and an axis may be named there alone
    return replace(clean, inputs=graph.inputs, noise=graph.noise)


def spread_late(graph: Graph) -> Graph:
    """Elementwise ops before `broadcast_to`, which stays only where something needs its shape."""
    narrow: dict[str, Value] = {}  # by what was spread, what it was spread from

    def rule(node: Node, arguments: Arguments) -> tuple[Value, ...] | None:
        if node.op == "broadcast_to":
            (source,) = arguments
            assert isinstance(source, Value)
            (wide,) = emit_all(node.op, source, **node.attributes)
            narrow[wide.name] = narrow.get(source.name, source)
            return (wide,)
        if node.op not in ELEMENTWISE:
            return None
        small = [
            narrow.get(each.name, each) if isinstance(each, Value) else each
            for each in arguments
        ]
        if small == list(arguments):
            return None
        (result,) = emit_all(node.op, *small, **node.attributes)
        (due,) = node.outputs
        if result.shape == due.shape:
            return (result,)
        (wide,) = emit_all("broadcast_to", result, shape=due.shape)
        narrow[wide.name] = result
        return (wide,)

    return rewritten(graph, rule)


def turned_once(graph: Graph) -> Graph:
    """Permutations one after the other as one."""
    turned: dict[
        str, tuple[Value, tuple[int, ...]]
    ] = {}  # by a result: of what, and how

    def rule(node: Node, arguments: Arguments) -> tuple[Value, ...] | None:
        if node.op != "permute_dims":
            return None
        (x,) = arguments
        assert isinstance(x, Value)
        source, before = turned.get(x.name, (x, tuple(range(len(x.shape)))))
        axes = tuple(before[axis] for axis in node.attributes["axes"])
        if axes == tuple(range(len(axes))):
            return (source,)
        (result,) = emit_all(node.op, source, axes=axes)
        turned[result.name] = source, axes
        return (result,)

    return rewritten(graph, rule)


def shared(graph: Graph) -> Graph:
    """Each call once: nodes of one op, equal operands and equal attributes are one node."""
    known: dict[tuple[object, ...], Node] = {}
    same: dict[str, str] = {}  # by the name of a result, that of the first like it
    nodes = []
    for node in graph.nodes:
        inputs = tuple(
            same.get(each, each) if isinstance(each, str) else each
            for each in node.inputs
        )
        # as text: to Python, True is 1 and 1.0 is 1
        call = (node.op, repr(inputs), repr(node.attributes), node.outputs)
        if first := known.get(call):
            same |= dict(zip(node.results(), first.results(), strict=True))
            continue
        known[call] = node
        nodes.append(replace(node, inputs=inputs))
    return check(
        replace(
            graph,
            nodes=tuple(nodes),
            outputs=_renamed(graph.outputs, same),
            state=_renamed(graph.state, same),
            labels=_renamed(graph.labels, same),
        )
    )


def _renamed(named: Mapping[str, str], same: Mapping[str, str]) -> dict[str, str]:
    return {name: same.get(value, value) for name, value in named.items()}

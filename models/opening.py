"""Compositions opened call by call: what a body needs and costs, without writing a graph anew.

Blocks repeat, so a model of a thousand nodes has a few dozen calls that differ; each is opened
once.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from models import ops
from models.builder import Builder
from models.graph import Graph, Node, Type
from models.nodes import operand_type

MOST = 100_000  # bodies that are remembered
_BODIES: dict[Any, Graph] = {}

Body = Callable[..., Any]


@dataclass(frozen=True)
class Call:
    """An op as a graph calls it, and how often it does."""

    graph: Graph
    node: Node
    count: int = 1

    @property
    def op(self) -> str:
        """Its name."""
        return self.node.op

    @property
    def operands(self) -> tuple[Type, ...]:
        """What it reads; a number that is written into the call has shape ()."""
        return tuple(operand_type(self.graph, each) for each in self.node.inputs)

    @property
    def rank(self) -> int:
        """The most axes of what it reads and makes."""
        return max(len(type_.shape) for type_ in (*self.operands, *self.node.outputs))


def calls(graph: Graph) -> list[Call]:
    """The calls of a graph that differ, in the order of the first of each."""
    first: dict[Any, Node] = {}
    counts: dict[Any, int] = {}
    for node in graph.nodes:
        key = _key(graph, node)
        first.setdefault(key, node)
        counts[key] = counts.get(key, 0) + 1
    return [Call(graph, node, counts[key]) for key, node in first.items()]


def opened(call: Call, body: Body) -> list[Call]:
    """The calls that a body makes in the place of this one, as often as they are made in all."""
    key = (body, _key(call.graph, call.node))
    if key not in _BODIES:
        if len(_BODIES) == MOST:
            _BODIES.clear()
        _BODIES[key] = _written(call, body)
    inner = calls(_BODIES[key])
    return [Call(one.graph, one.node, one.count * call.count) for one in inner]


def leaves(call: Call, has: Container[str]) -> Iterator[Call]:
    """What is left where every composition that is not in `has` runs by its body."""
    body = ops.get(call.op).body
    if call.op in has or body is None:
        yield call
        return
    for inner in opened(call, body):
        yield from leaves(inner, has)


def lacking(calls: Iterable[Call], has: Container[str]) -> dict[str, set[str]]:
    """Ops that can run neither by themselves nor by their bodies -> the primitives they need."""
    found: dict[str, set[str]] = {}
    for call in calls:
        needed = {leaf.op for leaf in leaves(call, has) if leaf.op not in has}
        if needed:
            found.setdefault(call.op, set()).update(needed)
    return found


def _written(call: Call, body: Body) -> Graph:
    """The body as a graph of its own, of the tensors that the call reads."""
    builder = Builder(f"body of {call.op}")
    arguments: list[Any] = []
    for i, operand in enumerate(call.node.inputs):
        if not isinstance(operand, str):
            arguments.append(operand)
            continue
        type_ = call.graph.types[operand]
        arguments.append(builder.input(f"x{i}", type_.shape, dtype=type_.dtype))
    with builder.at(call.node.where):
        made = body(*arguments, **call.node.attributes)
    for i, value in enumerate(made if isinstance(made, tuple) else (made,)):
        builder.output(f"y{i}", value)
    return builder.finish()


def _key(graph: Graph, node: Node) -> Any:
    """What makes a call the call it is, whatever its values are called."""
    read = tuple(
        graph.types[each] if isinstance(each, str) else repr(each)
        for each in node.inputs
    )
    # as text: to Python, an axis `True` equals the axis 1
    return (node.op, read, repr(node.attributes))

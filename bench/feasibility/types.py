"""In which element types a graph needs its ops: what the exam says of another type is no matter."""

from __future__ import annotations

from models.graph import FLOATS, Graph, Node


def types_of(graph: Graph) -> dict[str, tuple[str, ...]]:
    """By op, the types that the op exam would file its nodes under, sorted."""
    found: dict[str, set[str]] = {}
    for node in graph.nodes:
        found.setdefault(node.op, set()).add(_type(graph, node))
    return {op: tuple(sorted(types)) for op, types in found.items()}


def _type(graph: Graph, node: Node) -> str:
    """The float type where there are floats, else that of the first tensor that is read.

    Where that is a condition, or nothing is read, it is the type of the result.
    """
    read = [graph.types[name].dtype for name in node.values()]
    for dtype in read:
        if dtype in FLOATS:
            return dtype
    return read[0] if read and read[0] != "bool" else node.outputs[0].dtype

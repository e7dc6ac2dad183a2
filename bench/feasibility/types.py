"""In which element type a node needs its op: what the exam says of another type is no matter."""

from __future__ import annotations

from models.graph import FLOATS, Graph, Node


def type_of(graph: Graph, node: Node) -> str:
    """What the op exam would file a node under.

    The float type where there are floats, else that of the first tensor that is read. Where that
    is a condition, or nothing is read, it is the type of the result.
    """
    read = [graph.types[name].dtype for name in node.values()]
    for dtype in read:
        if dtype in FLOATS:
            return dtype
    return read[0] if read and read[0] != "bool" else node.outputs[0].dtype

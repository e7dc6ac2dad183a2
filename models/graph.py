"""The graph language's face to whoever writes, passes on or runs graphs.

What a graph is stands in `nodes.py`, what must hold of one in `rules.py`, how its JSON is read in
`reading.py`; here they meet, above all three.
"""

from __future__ import annotations

from models import reading, rules
from models.nodes import (
    DTYPES,
    FLOATS,
    INITIALISERS,
    NOISES,
    Attributes,
    Graph,
    Node,
    Noise,
    Operand,
    Param,
    Type,
    operand_type,
)

__all__ = [
    "Attributes",
    "DTYPES",
    "FLOATS",
    "Graph",
    "INITIALISERS",
    "NOISES",
    "Node",
    "Noise",
    "Operand",
    "Param",
    "Type",
    "check",
    "from_json",
    "operand_type",
]


def from_json(text: str) -> Graph:
    """Read a graph written by `Graph.to_json` and check it.

    Raises SpecError when it is no such text or breaks the op table.
    """
    return check(reading.graph(text))


def check(graph: Graph) -> Graph:
    """Hold every declaration and node against the rules of the language, and give it back.

    Raises SpecError: one line that names the graph, the node with its model line, and what
    was due.
    """
    rules.hold(graph)
    return graph

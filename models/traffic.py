"""Bytes that a graph moves where every node reads its inputs and writes its outputs.

Whoever fuses nodes, or has them in a cache, moves less: it is the traffic of the graph as it is
written, the same for all backends. Nodes that only rename what lies there (a reshape, an axis of
length 1) move nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from models import dims
from models.nodes import Graph, Type, operand_type

SIZES = {"bool": 1, "float16": 2, "bfloat16": 2, "float64": 8, "int64": 8}
USUAL = 4  # float32, int32
RENAMES = ("reshape", "expand_dims", "squeeze")


def traffic(graph: Graph, lengths: Mapping[str, int]) -> int:
    """Bytes of one run with the symbolic axes at `lengths`: inputs, weights, outputs of nodes."""
    total = 0
    for node in graph.nodes:
        if node.op in RENAMES:
            continue
        read = [operand_type(graph, operand) for operand in node.inputs]
        total += sum(_bytes(type_, lengths) for type_ in (*read, *node.outputs))
    return total


def _bytes(type_: Type, lengths: Mapping[str, int]) -> int:
    shape = dims.bind(type_.shape, lengths)
    return math.prod(shape) * SIZES.get(type_.dtype, USUAL)

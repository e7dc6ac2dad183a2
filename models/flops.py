"""Floating-point operations of a graph, from the rules of its ops (a multiply-add counts as
two).
"""

from __future__ import annotations

from collections.abc import Mapping

from models import ops
from models.dims import Dim
from models.graph import Graph, operand_type


def flops(graph: Graph, lengths: Mapping[str, int]) -> int:
    """FLOPs of one run with the symbolic axes at `lengths`."""
    total = 0
    for node in graph.nodes:
        inputs = [operand_type(graph, operand).shape for operand in node.inputs]
        cost = ops.get(node.op).flops(
            [type_.shape for type_ in node.outputs], inputs, node.attributes
        )
        total += int(cost.bind(lengths)) if isinstance(cost, Dim) else cost
    return total

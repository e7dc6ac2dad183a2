"""Floating-point operations of a graph, from its ops' rules; a multiply-add counts as two."""

from __future__ import annotations

from collections.abc import Mapping

from models import ops
from models.dims import Dim
from models.nodes import Graph, operand_type


def of_window(graph: Graph, frames: int) -> int:
    """FLOPs of one sample, of `frames` frames where the graph leaves their number open."""
    lengths = dict.fromkeys(graph.axes(), frames)
    lengths["batch"] = 1
    return flops(graph, lengths)


def flops(graph: Graph, lengths: Mapping[str, int]) -> int:
    """FLOPs of one run with the symbolic axes at `lengths`."""
    total = 0
    for node in graph.nodes:
        # a literal counts as a tensor of shape ()
        inputs = [operand_type(graph, operand).shape for operand in node.inputs]
        outputs = [type_.shape for type_ in node.outputs]
        rule = ops.get(node.op).flops
        cost = rule(outputs, inputs, node.attributes)
        # a rule multiplies lengths, so its cost is symbolic where one of them is
        total += int(cost.bind(lengths)) if isinstance(cost, Dim) else cost
    return total

"""What nobody can be judged on: refused with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bench.parity.settings import Parity as Size
from bench.parity.trial import lengths_of
from models import dims
from models.graph import Graph
from models.spec import Spec

# Of two values, batch norm leaves their signs alone: every digit of what comes behind it, and
# of every gradient before it, is lost to cancellation, in any framework.
NORMED = 4  # values of one channel, at least


def reason(spec: Spec, size: Size) -> str:
    """Why nothing can be judged at these lengths; empty where it can."""
    found = scarce(spec.train, lengths_of(spec, size), NORMED)
    if not found:
        return ""
    where, values = found
    return (
        f"configuration key parity.batch: {size.batch} gives batch norm at"
        f" {where} {values} values a channel, which cancel; at least {NORMED}"
        " were due"
    )


def scarce(
    graph: Graph, lengths: Mapping[str, int], least: int
) -> tuple[str, int] | None:
    """The batch norm of a train graph that has fewer values of a channel, and how many."""
    for node in graph.nodes:
        if node.op != "batch_norm_train":
            continue
        shape = dims.bind(graph.types[str(node.inputs[0])].shape, lengths)
        values = math.prod(shape) // shape[1]  # axis 1 is that of the channels
        if values < least:
            return node.where, values
    return None

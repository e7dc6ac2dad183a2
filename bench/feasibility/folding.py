"""Calls above a largest rank that can be made below it, by axes that are taken for one.

A reshape puts neighbouring axes together, and another takes them apart again.
"""

from __future__ import annotations

from itertools import pairwise

from models import ops
from models.opening import Call

USUAL = 4  # ranks up to it are in whatever runs a network of images

# these look at each element for itself, or only move whole rows of them
FREE = ("reshape", "astype", "stop_gradient", "expand_dims", "squeeze")


def folds(call: Call, bound: int) -> bool:
    """Whether a call can be made at `bound` axes, with others taken together."""
    if call.op in FREE:
        return True
    if call.op == "permute_dims":
        return _runs(call.node.attributes["axes"]) <= bound
    shapes = {type_.shape for type_ in call.operands if type_.shape}
    shapes |= {type_.shape for type_ in call.node.outputs}
    if _elementwise(call):
        # one that broadcasts needs its axes apart
        return len(shapes) == 1
    if call.op == "matmul":
        # batches of both, if they are alike, are one
        left, right = call.operands
        return left.shape[:-2] == right.shape[:-2] or len(right.shape) == 2
    axes = ops.get(call.op).axes
    one = axes == ("axis",) and isinstance(call.node.attributes.get("axis"), int)
    # the axis that is looked at, those before it and those behind it
    return one and len(call.operands) == 1 and bound >= 3


def _runs(order: tuple[int, ...]) -> int:
    """How many axes are left where those stay together that go together."""
    together = sum(b == a + 1 for a, b in pairwise(order))
    return len(order) - together


def _elementwise(call: Call) -> bool:
    # their shape rule is one for any number of operands
    return ops.get(call.op).shape is ops.get("add").shape

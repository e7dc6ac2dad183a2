"""Which calls write over what they are given: memory that nothing else reads is used once more.

The rule holds with gradients, too: neither the call that made the memory nor the one that
writes over it may need the old numbers for its own. A sum is written over one of its terms
where the other is of no wider type, whatever autocast does: written over a term that it leaves
in bfloat16, the sum would be rounded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Set
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

from models.dims import Shape

# what takes `inplace`: gradients are taken from the result, which has the type of what came in
IN_PLACE: Mapping[Callable[..., Any], Callable[..., Any]] = {
    torch.relu: F.relu,
    F.leaky_relu: F.leaky_relu,
}
# what autocast computes in its narrow type
NARROW = {
    F.linear,
    F.conv1d,
    F.conv2d,
    F.conv3d,
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
    torch.matmul,
}
# what has the type of its first argument
FOLLOWING = {F.batch_norm, F.max_pool2d, F.relu, F.leaky_relu, torch.relu}
SUMS = {operator.add, operator.iadd}
# results in memory of their own, at which their gradients do not look again
FRESH = {
    *NARROW,
    *SUMS,
    F.batch_norm,
    F.layer_norm,
    torch.group_norm,
    operator.sub,
    operator.mul,
}


def write_over(code: fx.Graph, shapes: Mapping[fx.Node, Shape]) -> None:
    """Let each call that can write over its argument, where that is fresh and read once.

    `shapes` are those of the values; a sum of others is left as it is.
    """
    narrow = set[Any]()
    for node in code.nodes:
        called: Any = node.target
        if called in IN_PLACE and _spent(node.args[0]) and not _falls(node):
            node.target = IN_PLACE[called]
            node.update_kwarg("inplace", True)
        if called is operator.add:
            _sum_over_a_term(node, shapes, narrow)
        if _is_narrow(node, narrow):
            narrow.add(node)


def _is_narrow(node: fx.Node, narrow: Set[Any]) -> bool:
    """Whether autocast, where it is on, leaves a value in its narrow type for certain."""
    if node.target in SUMS:
        return all(term in narrow for term in node.args)
    if node.target in FOLLOWING:
        return node.args[0] in narrow
    return node.target in NARROW


def _sum_over_a_term(
    node: fx.Node, shapes: Mapping[fx.Node, Shape], narrow: Set[Any]
) -> None:
    """Add to a term, where the sum has its shape and, for certain, its type."""
    first: Any
    second: Any
    first, second = node.args
    for term, other in ((first, second), (second, first)):
        if (
            other in narrow
            and term is not other
            and _spent(term)
            and node in shapes
            and shapes.get(term) == shapes[node]
        ):
            node.target = operator.iadd
            node.args = (term, other)
            return


def _spent(value: Any) -> bool:
    # an output and a buffer that takes a value are readers like any other
    return (
        isinstance(value, fx.Node) and value.target in FRESH and len(value.users) == 1
    )


def _falls(node: fx.Node) -> bool:
    """Whether the slope is negative: the sign of a result would not tell that of its input."""
    slope: Any = node.kwargs.get("negative_slope", 0)
    return bool(slope < 0)

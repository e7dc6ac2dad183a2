"""Which calls write over what they are given: memory that nothing else reads is used once more.

The rule holds with gradients, too: neither the call that made the memory nor the one that
writes over it may need the old numbers for its own. A sum could be written over one of its
terms, but where autocast leaves that in bfloat16, it would round the sum.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

# what takes `inplace`: gradients are taken from the result, which has the type of what came in
IN_PLACE: Mapping[Callable[..., Any], Callable[..., Any]] = {
    torch.relu: F.relu,
    F.leaky_relu: F.leaky_relu,
}
# results in memory of their own, at which their gradients do not look again
FRESH = {
    F.linear,
    F.conv1d,
    F.conv2d,
    F.conv3d,
    F.conv_transpose1d,
    F.conv_transpose2d,
    F.conv_transpose3d,
    F.batch_norm,
    F.layer_norm,
    torch.group_norm,
    torch.matmul,
    operator.add,
    operator.sub,
    operator.mul,
}


def write_over(code: fx.Graph) -> None:
    """Let each call that can write over its argument, where that is fresh and read once."""
    for node in code.nodes:
        called: Any = node.target
        if called in IN_PLACE and _spent(node.args[0]) and not _falls(node):
            node.target = IN_PLACE[called]
            node.update_kwarg("inplace", True)


def _spent(value: Any) -> bool:
    # an output and a buffer that takes a value are readers like any other
    return (
        isinstance(value, fx.Node) and value.target in FRESH and len(value.users) == 1
    )


def _falls(node: fx.Node) -> bool:
    """Whether the slope is negative: the sign of a result would not tell that of its input."""
    slope: Any = node.kwargs.get("negative_slope", 0)
    return bool(slope < 0)

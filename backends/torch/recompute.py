"""Gradient checkpointing: segments of a module whose values are made again on the way back.

A checkpointed call is made again as a whole, so the module is cut into about as many segments
as a segment has calls, where few values go from one to the next. Those are kept. The last
segment is not made again: the way back begins with it, and state is updated there.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import fx, nn
from torch.fx.passes.split_module import split_module
from torch.utils.checkpoint import checkpoint


def recomputed(native: fx.GraphModule, state: Iterable[str]) -> fx.GraphModule:
    """The module in segments, over the same parameters and buffers.

    `state` names the buffers that move in a step.
    """
    numbers = _segments(list(native.graph.nodes))
    split = split_module(native, native, numbers.__getitem__, keep_original_order=True)
    calls = [node for node in split.graph.nodes if node.op == "call_module"]
    moving = [native.get_buffer(name) for name in state]
    for call in calls[:-1]:
        inner = split.get_submodule(call.target)
        setattr(split, call.target, _Recomputed(inner, moving))
    return split


class _Recomputed(nn.Module):
    """A segment that keeps its arguments alone; random numbers are drawn alike again."""

    def __init__(self, inner: nn.Module, moving: Iterable[torch.Tensor]) -> None:
        super().__init__()
        self.inner = inner
        self.moving = {id(buffer) for buffer in moving}

    def forward(self, *arguments: Any) -> Any:
        """The segment's values."""
        buffers, given = [], []
        for one in arguments:
            if id(one) in self.moving:
                # past autograd's count of writes, which refuses arguments that have moved
                one = one.data
                buffers.append(one)
            given.append(one)
        return checkpoint(
            self.inner,
            *given,
            use_reentrant=False,
            context_fn=lambda: (contextlib.nullcontext(), _unmoved(buffers)),
        )


@contextlib.contextmanager
def _unmoved(buffers: Sequence[torch.Tensor]) -> Iterator[None]:
    """Running statistics moved on the way there, and are not to move again."""
    held = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, before in zip(buffers, held, strict=True):
            # past the count again: a gradient may hold the buffer, though it reads the batch's
            buffer.data.copy_(before)


def _segments(nodes: Sequence[fx.Node]) -> dict[fx.Node, int]:
    """Each call's segment, from 0."""
    # what is written into state comes last of all, and into the last segment
    updates = [i for i, node in enumerate(nodes) if node.target == "copy_"]
    count = min(updates, default=len(nodes))
    cuts = _cuts(nodes, count)
    found, number = {}, 0
    for i, node in enumerate(nodes):
        number += i in cuts
        found[node] = number
    return found


def _cuts(nodes: Sequence[fx.Node], count: int) -> set[int]:
    """Before which of the first `count` nodes a segment begins.

    In each stretch of them, where the fewest values are still to be read.
    """
    live = _live(nodes)
    length = math.isqrt(count)
    found = set()
    for start in range(length, count - length, length):
        stretch = range(start, start + length)
        found.add(min(stretch, key=live.__getitem__))
    return found


def _live(nodes: Sequence[fx.Node]) -> list[float]:
    """How many values are made before each node and read from there on.

    Endlessly many where one of them is written over (`reuse.py`): a segment needs its
    arguments again as they came.
    """
    place = {node: i for i, node in enumerate(nodes)}
    live = [0.0] * len(nodes)
    for node, made in place.items():
        spent = any(user.kwargs.get("inplace") for user in node.users)
        last = max((place[user] for user in node.users), default=made)
        for i in range(made + 1, last + 1):
            live[i] += math.inf if spent else 1
    return live

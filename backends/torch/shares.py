"""What a module of one of several replicas calls: the mean over them, and its rows of the noise.

Each draws the noise of the whole batch, from the same state, as a training alone would: its rows
are then those that its samples would have had there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor

from backends.torch import noise


def replica_mean(x: Tensor) -> Tensor:
    """The mean over the replicas; of one alone, its own."""
    if not dist.is_initialized():
        return x.clone()
    mean: Tensor = _Mean.apply(x)
    return mean


class _Mean(torch.autograd.Function):
    """Its gradient is the mean of those that the replicas have."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return _mean(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _mean(grad)


def _mean(x: Tensor) -> Tensor:
    # a copy: what comes is not to be written over
    summed = x.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(summed)
    return summed / dist.get_world_size()


def dropout(x: Tensor, *, rate: float) -> Tensor:
    """Dropout with the mask that the whole batch would have."""
    # fused dropout draws in the order in which numbers lie in memory
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    blank = torch.empty_permuted(_whole(x.shape), order, dtype=x.dtype, device=x.device)
    return x * _own(F.dropout(blank.fill_(1), rate, True), len(x))


def draw(like: Tensor, *, shape: tuple[int, ...], kind: str, number: float) -> Tensor:
    """The rows of a noise input whose first axis is the batch."""
    drawn = noise.draw(like, shape=_whole(shape), kind=kind, number=number)
    return _own(drawn, shape[0])


def call(tracer: Any, function: Callable[..., Tensor], *args: Any, **named: Any) -> Any:
    """One of these as a node of the module, which asks for its rank when it runs."""
    return tracer.create_proxy("call_function", function, args, named)


def _whole(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0] * dist.get_world_size(), *shape[1:])


def _own(whole: Tensor, rows: int) -> Tensor:
    return whole.narrow(0, dist.get_rank() * rows, rows)

"""Noise that PyTorch draws itself, by the generator of the device."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from backends.base import Unsupported


def dropout(x: Tensor, *, rate: float) -> Tensor:
    """Dropout with a mask of its own: fused, where a drawn mask would be two products."""
    return F.dropout(x, rate, True)


def draw(
    like: Tensor,
    *,
    shape: tuple[int, ...],
    kind: str,
    number: float,
) -> Tensor:
    """A noise input, on the device of `like`."""
    # float32 as the graph has it, even beside an input of less
    blank = like.new_empty(shape, dtype=torch.float32)
    match kind:
        case "bernoulli":
            return blank.bernoulli_(number)
        case "normal":
            return blank.normal_(0, number)
        case "uniform":
            return blank.uniform_(0, number)
    raise Unsupported(f"{kind} noise: backends/torch/noise.py does not draw it")

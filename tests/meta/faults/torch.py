"""Faulty kernels in PyTorch. Run over proxies too, so shapes are read off the operands."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F

from backends.torch import ops as ops  # what the faults are put into

NAME = "torch"


def gelu(x: Any, *, approximate: str) -> Any:
    return F.gelu(x, approximate="tanh")


def layer_norm(x: Any, weight: Any, bias: Any, *, eps: float) -> Any:
    # Keras' own default
    return F.layer_norm(x, weight.shape, weight, bias, 1e-3)


def attention(query: Any, key: Any, value: Any, *, scale: float) -> Any:
    return F.scaled_dot_product_attention(query, key, value, scale=2 * scale)


def linear(x: Any, weight: Any, *bias: Any) -> Any:
    # a transposed weight fits where it is square; elsewhere the fault must show too
    square = weight.shape[0] == weight.shape[1]
    return F.linear(x, weight.T if square else 1.1 * weight, *bias)


def softmax(x: Any, *, axis: int) -> Any:
    return F.softmax(x, -2 if axis == len(x.shape) - 1 else axis)


def momentum_swapped(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float, momentum: float
) -> Any:
    return F.batch_norm(x, mean, var, weight, bias, True, 1 - momentum, eps), mean, var


def variance_biased(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float, momentum: float
) -> Any:
    # a proxy has no number of axes; what it stands for here are rows
    axes = [0]
    if isinstance(x, torch.Tensor):
        axes = [axis for axis in range(x.dim()) if axis != 1]
    y = F.batch_norm(x, None, None, weight, bias, True, 0.0, eps)
    here = x.detach()
    new_mean = (1 - momentum) * mean + momentum * here.mean(axes)
    new_var = (1 - momentum) * var + momentum * here.var(axes, correction=0)
    return y, new_mean, new_var


def batch_norm(
    x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float
) -> Any:
    return F.batch_norm(x, mean, var, weight, bias, False, 0.0, 0.1)


def gradient_cut(x: Any) -> Any:
    return x.relu().detach()

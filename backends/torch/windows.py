"""Kernels that move a window over space: convolution, its transpose, and pooling."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

Axes = tuple[int, ...]


def lengths(x: Tensor) -> list[int]:
    """Axis lengths; an open one as the call finds it, which a proxy knows by name alone."""
    return [n if isinstance(n, int) else x.size(i) for i, n in enumerate(x.shape)]


# by the number of spatial axes
_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX_POOL = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
) -> Tensor:
    native = _CONV[len(stride)]
    return native(x, weight, bias, stride=stride, padding=padding, dilation=dilation)


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
    length: Axes,
) -> Tensor:
    space = lengths(x)[2:], weight.shape[2:]
    sizes = zip(length, *space, stride, dilation, padding, strict=True)
    # steps at the end that no stride reached: PyTorch is told them, not the length
    extra = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, k, s, d, p in sizes]
    native = _CONV_TRANSPOSE[len(stride)]
    return native(
        x,
        weight,
        stride=stride,
        padding=padding,
        output_padding=extra,
        dilation=dilation,
    )


def max_pool(
    x: Tensor,
    *,
    kernel: Axes,
    stride: Axes,
    padding: Axes,
    dilation: Axes,
) -> Tensor:
    return _MAX_POOL[len(kernel)](x, kernel, stride, padding, dilation)

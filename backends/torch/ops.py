"""Kernels: one native PyTorch call each.

They run eagerly on tensors, and are traced once into the GraphModule.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from backends.base import Gap

GAPS: dict[str, str] = {}  # op -> why PyTorch cannot; nothing is missing
PART_GAPS = (
    Gap(
        "conv",
        "a dilated convolution has no int32 on the CPU",
        dtype="int32",
        case=r"dilation=\([2-9]",
    ),
    Gap("conv_transpose", "no int32 on the CPU", dtype="int32"),
)

DTYPES = {
    name: getattr(torch, name)
    for name in ("float32", "float16", "bfloat16", "int64", "int32", "bool")
}
Axes = tuple[int, ...]


def maximum(a: Tensor, b: Tensor | float) -> Tensor:
    # clamp's gradient at a tie is 1, not a half
    return torch.maximum(a, a.new_full((), b) if isinstance(b, (int, float)) else b)


def minimum(a: Tensor, b: Tensor | float) -> Tensor:
    return torch.minimum(a, a.new_full((), b) if isinstance(b, (int, float)) else b)


def pow(x: Tensor, *, exponent: float) -> Tensor:
    return x**exponent


def sum(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return x.sum(axis, keepdim=keepdims)


def mean(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return x.mean(axis, keepdim=keepdims)


def var(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return x.var(axis, correction=0, keepdim=keepdims)


def max(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return x.amax(axis, keepdim=keepdims)


def min(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return x.amin(axis, keepdim=keepdims)


def vector_norm(x: Tensor, *, axis: int) -> Tensor:
    return torch.linalg.vector_norm(x, dim=axis)


def reshape(x: Tensor, *, shape: Axes) -> Tensor:
    return x.reshape(shape)


def permute_dims(x: Tensor, *, axes: Axes) -> Tensor:
    return x.permute(axes)


def expand_dims(x: Tensor, *, axis: int) -> Tensor:
    return x.unsqueeze(axis)


def squeeze(x: Tensor, *, axis: int) -> Tensor:
    return x.squeeze(axis)


def broadcast_to(x: Tensor, *, shape: Axes) -> Tensor:
    return x.expand(shape)


def concat(*xs: Tensor, axis: int) -> Tensor:
    return torch.cat(xs, axis)


def stack(*xs: Tensor, axis: int) -> Tensor:
    return torch.stack(xs, axis)


def split(x: Tensor, *, parts: int, axis: int) -> tuple[Tensor, ...]:
    return x.chunk(parts, axis)


def unstack(x: Tensor, *, axis: int) -> tuple[Tensor, ...]:
    return x.unbind(axis)


def slice(x: Tensor, *, axis: int, start: int, stop: int, step: int) -> Tensor:
    return x[(builtins.slice(None),) * axis + (builtins.slice(start, stop, step),)]


def pad(x: Tensor, *, axis: int, before: int, after: int, value: float) -> Tensor:
    return F.pad(x, [0, 0] * (len(x.shape) - 1 - axis) + [before, after], value=value)


def take(x: Tensor, index: Tensor, *, axis: int) -> Tensor:
    return x.index_select(axis, index)


def take_along_axis(x: Tensor, index: Tensor, *, axis: int) -> Tensor:
    return x.gather(axis, index.long())


def scatter_add(x: Tensor, index: Tensor, *, axis: int, length: int) -> Tensor:
    return x.new_zeros((*x.shape[:axis], length, *x.shape[axis + 1 :])).scatter_add(
        axis, index.long(), x
    )


def flip(x: Tensor, *, axis: int) -> Tensor:
    return x.flip(axis)


def roll(x: Tensor, *, shift: int, axis: int) -> Tensor:
    return x.roll(shift, axis)


def tile(x: Tensor, *, times: int, axis: int) -> Tensor:
    return x.repeat([times if i == axis else 1 for i in range(len(x.shape))])


def repeat(x: Tensor, *, times: int, axis: int) -> Tensor:
    return x.repeat_interleave(times, axis)


def astype(x: Tensor, *, dtype: str) -> Tensor:
    return x.to(DTYPES[dtype])


def stop_gradient(x: Tensor) -> Tensor:
    return x.detach()


_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}


def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    stride: Axes,
    dilation: Axes,
    padding: Axes,
) -> Tensor:
    return _CONV[len(stride)](
        x, weight, bias, stride=stride, padding=padding, dilation=dilation
    )


def conv_transpose(
    x: Tensor, weight: Tensor, *, stride: Axes, dilation: Axes, padding: Axes, length: Axes
) -> Tensor:
    sizes = zip(
        length, x.shape[2:], weight.shape[2:], stride, dilation, padding, strict=True
    )
    extra = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, k, s, d, p in sizes]
    return _CONV_TRANSPOSE[len(stride)](
        x, weight, stride=stride, padding=padding, output_padding=extra, dilation=dilation
    )


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, *, eps: float) -> Tensor:
    return F.layer_norm(x, weight.shape, weight, bias, eps)


def batch_norm(
    x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, *, eps: float
) -> Tensor:
    return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps)


def batch_norm_train(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    eps: float,
    momentum: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """PyTorch updates the running statistics in place, so the new ones are the old ones."""
    return F.batch_norm(x, mean, var, weight, bias, True, momentum, eps), mean, var


def leaky_relu(x: Tensor, *, slope: float) -> Tensor:
    return F.leaky_relu(x, slope)


def gelu(x: Tensor, *, approximate: str) -> Tensor:
    return F.gelu(x, approximate=approximate)


def softmax(x: Tensor, *, axis: int) -> Tensor:
    return F.softmax(x, axis)


def attention(query: Tensor, key: Tensor, value: Tensor, *, scale: float) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, scale=scale)


def drawn_dropout(x: Tensor, *, rate: float) -> Tensor:
    """Dropout whose mask PyTorch draws itself."""
    return F.dropout(x, rate, True)


def draw(like: Tensor, *, shape: Axes, kind: str, number: float) -> Tensor:
    """A noise input drawn on the device of `like`."""
    blank = like.new_empty(shape, dtype=torch.float32)
    match kind:
        case "bernoulli":
            return blank.bernoulli_(number)
        case "normal":
            return blank.normal_(0, number)
    return blank.uniform_(0, number)


_SAME_NAME = (
    "abs exp log sqrt sin cos tanh erf sign matmul where logical_and logical_or logical_not"
    " sigmoid relu atan negative"
)
_OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "equal": torch.eq,
    "not_equal": torch.ne,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "linear": F.linear,
}
_OWN = (
    maximum, minimum, pow, sum, mean, var, max, min, vector_norm, reshape, permute_dims, expand_dims, squeeze, broadcast_to, concat, stack,
    split, unstack, slice, pad, take, take_along_axis, scatter_add, flip, roll, tile, repeat, astype, stop_gradient, conv, conv_transpose,
    layer_norm, batch_norm, batch_norm_train, leaky_relu, gelu, softmax, attention,
)  # fmt: skip
KERNELS: Mapping[str, Callable[..., Any]] = (
    {name: getattr(torch, name) for name in _SAME_NAME.split()}
    | _OPERATORS
    | {kernel.__name__: kernel for kernel in _OWN}
)

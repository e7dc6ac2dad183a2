"""Kernels: one native PyTorch call each.

They run eagerly on tensors, and are traced once into the GraphModule: over proxies, which
know their shape and dtype but hold no numbers. So lengths are read off `x.shape`, and what
depends on a value is left to PyTorch.

`logsumexp` has none and runs by its body: PyTorch's gradient is exp(x - result), and beside
-1e9 the result has no digits left for a logarithm.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from backends import kernels
from backends.base import Gap
from backends.torch import sparse, windows
from backends.torch.windows import lengths

GAPS: dict[str, str] = {}  # op -> why PyTorch cannot; nothing is missing
_NOT_FINITE = "of NaN and infinity$"
PART_GAPS = (
    Gap(
        "conv",
        "a dilated convolution has no int32 on the CPU",
        dtype="int32",
        device="cpu",
        case=r"dilation=\([^)]*[2-9]",
    ),
    Gap("conv_transpose", "no int32 on the CPU", dtype="int32", device="cpu"),
    # a processor with instructions of float16 has it from oneDNN, which adds up in float32
    Gap(
        "conv_transpose",
        "what the places of a kernel add to is rounded to float16 each time",
        dtype="float16",
        question="bias",
        device="cpu",
        varies=True,
    ),
    # empty products and such without a weight are taken, and cuDNN may learn it
    *(
        Gap(op, reason, dtype=dtype, device="cuda", varies=True)
        for dtype in ("int64", "int32")
        for op, reason in (
            ("conv conv_transpose", f"cuDNN takes no {dtype}"),
            ("linear matmul", f"CUDA has no products of {dtype}"),
        )
    ),
    *(
        Gap(
            "cumsum",
            "CUDA adds up in halves",
            dtype=dtype,
            question="bias",
            device="cuda",
            varies=True,
        )
        for dtype in ("float16", "bfloat16")
    ),
    Gap(
        "pad",
        "PyTorch refuses a number that float16 does not hold",
        dtype="float16",
        case=r"value=-\d{6}",
    ),
    Gap("sign", "the sign of NaN is 0 to PyTorch", case=_NOT_FINITE),
    Gap(
        "gelu",
        "of infinity it is NaN by oneDNN, of minus infinity 0 by other kernels",
        case=f"approximate=none {_NOT_FINITE}",
        varies=True,
    ),
    Gap(
        "group_norm",
        "PyTorch scales x and then shifts it: beside an infinite weight that is NaN",
        case=_NOT_FINITE,
        varies=True,
    ),
    Gap(
        "group_norm",
        "PyTorch scales x and then shifts it: of a group without a variance, rounding is left,"
        " times 1 / sqrt(eps)",
        # an empty batch that is lengthened is filled with ones
        case="^0x.*eps=1e-05 dynamic, ",
        varies=True,
    ),
    Gap(
        "pow",
        "minus infinity to the power of -0.5 is 0 to PyTorch",
        case=f"exponent=-0.5 {_NOT_FINITE}",
    ),
)

DTYPES: Mapping[str, torch.dtype] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "int64": torch.int64,
    "int32": torch.int32,
    "bool": torch.bool,
}
Axes = tuple[int, ...]

# ops whose kernel is PyTorch's own function, or stands in a file beside
NATIVE: Mapping[str, kernels.Kernel] = {
    # operators read as operators in the code of the module
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": torch.negative,
    "abs": torch.abs,
    "sign": torch.sign,
    "floor": torch.floor,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "atan": torch.atan,
    "erf": torch.erf,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "equal": torch.eq,  # torch.equal is one truth value for the whole
    "not_equal": torch.ne,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_not": torch.logical_not,
    "where": torch.where,
    "matmul": torch.matmul,
    "linear": F.linear,
    "conv": windows.conv,
    "conv_transpose": windows.conv_transpose,
    "max_pool": windows.max_pool,
    "sparse_matmul": sparse.sparse_matmul,
}


def maximum(a: Tensor, b: Tensor | float) -> Tensor:
    return torch.maximum(a, _beside(a, b))


def minimum(a: Tensor, b: Tensor | float) -> Tensor:
    return torch.minimum(a, _beside(a, b))


def _beside(a: Tensor, b: Tensor | float) -> Tensor:
    # torch.clamp takes numbers, but its gradient at a tie is 1, not a half
    return a.new_full((), b) if isinstance(b, (int, float)) else b


def pow(x: Tensor, *, exponent: float) -> Tensor:
    return x**exponent


def sum(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return x.sum(axis, keepdim=keepdims)


def mean(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return x.mean(axis, keepdim=keepdims)


def var(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    # PyTorch divides by n - 1 unless told
    return x.var(axis, correction=0, keepdim=keepdims)


def max(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    # shares the gradient among ties, where x.max(axis) gives it to one of them
    return x.amax(axis, keepdim=keepdims)


def min(x: Tensor, *, axis: Axes, keepdims: bool) -> Tensor:
    return x.amin(axis, keepdim=keepdims)


def cumsum(x: Tensor, *, axis: int) -> Tensor:
    # unless told, PyTorch sums int32 in int64
    return x.cumsum(axis, dtype=x.dtype)


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


def slice(
    x: Tensor,
    *,
    axis: int,
    start: int,
    stop: int,
    step: int,
) -> Tensor:
    before = (builtins.slice(None),) * axis
    return x[(*before, builtins.slice(start, stop, step))]


def pad(
    x: Tensor,
    *,
    axis: int,
    before: int,
    after: int,
    value: float,
) -> Tensor:
    # pairs from the last axis back
    behind = [0, 0] * (len(x.shape) - 1 - axis)
    return F.pad(x, [*behind, before, after], value=value)


def take(x: Tensor, index: Tensor, *, axis: int) -> Tensor:
    return x.index_select(axis, index)


def take_along_axis(
    x: Tensor,
    index: Tensor,
    *,
    axis: int,
) -> Tensor:
    # an index of int32 is refused
    return x.gather(axis, index.long())


def scatter_add(
    x: Tensor,
    index: Tensor,
    *,
    axis: int,
    length: int,
) -> Tensor:
    shape = lengths(x)
    shape[axis] = length
    return x.new_zeros(shape).scatter_add(axis, index.long(), x)


def argsort(x: Tensor, *, axis: int, descending: bool) -> Tensor:
    return torch.argsort(x, stable=True, dim=axis, descending=descending)


def sort(x: Tensor, *, axis: int, descending: bool) -> Tensor:
    return torch.sort(x, stable=True, dim=axis, descending=descending).values


def argmax(x: Tensor, *, axis: int, keepdims: bool) -> Tensor:
    return torch.argmax(x, axis, keepdims)


def argmin(x: Tensor, *, axis: int, keepdims: bool) -> Tensor:
    return torch.argmin(x, axis, keepdims)


def flip(x: Tensor, *, axis: int) -> Tensor:
    return x.flip(axis)


def roll(x: Tensor, *, shift: int, axis: int) -> Tensor:
    return x.roll(shift, axis)


def tile(x: Tensor, *, times: int, axis: int) -> Tensor:
    # PyTorch calls tiling `repeat`, and repeating `repeat_interleave`
    return x.repeat([times if i == axis else 1 for i in range(len(x.shape))])


def repeat(x: Tensor, *, times: int, axis: int) -> Tensor:
    return x.repeat_interleave(times, axis)


def astype(x: Tensor, *, dtype: str) -> Tensor:
    return x.to(DTYPES[dtype])


def stop_gradient(x: Tensor) -> Tensor:
    return x.detach()


def layer_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    eps: float,
) -> Tensor:
    return F.layer_norm(x, tuple(lengths(weight)), weight, bias, eps)


def group_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    *,
    groups: int,
    eps: float,
) -> Tensor:
    return torch.group_norm(x, groups, weight, bias, eps)


def batch_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    *,
    eps: float,
) -> Tensor:
    # no training; the momentum is of no account then
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


def clip(x: Tensor, *, low: float, high: float) -> Tensor:
    return x.clamp(low, high)


def leaky_relu(x: Tensor, *, slope: float) -> Tensor:
    return F.leaky_relu(x, slope)


def gelu(x: Tensor, *, approximate: str) -> Tensor:
    return F.gelu(x, approximate=approximate)


def softmax(x: Tensor, *, axis: int) -> Tensor:
    return F.softmax(x, axis)


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scale: float,
) -> Tensor:
    return F.scaled_dot_product_attention(query, key, value, scale=scale)


KERNELS = kernels.of(globals(), NATIVE)

"""Wrong kernels of PyTorch that are right for most questions, each for its own reason.

A kernel is traced over proxies once. These are to look at numbers, types and lengths of the
tensors that really come, so they are recorded as one call and run with the module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from backends.torch import ops

KERNELS = ops.KERNELS  # the right ones, whatever is planted
Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Mutant:
    """A wrong kernel of an op; `profile` is the smaller one whose exam finds it."""

    name: str
    op: str
    kernel: Kernel
    profile: str = "smoke"


def recorded(kernel: Kernel) -> Kernel:
    """The kernel as one call of the traced module, made anew for each of its runs."""

    def trace(*operands: Any, **attributes: Any) -> Any:
        proxy = next((one for one in operands if isinstance(one, fx.Proxy)), None)
        if proxy is None:
            return kernel(*operands, **attributes)
        return proxy.tracer.create_proxy("call_function", kernel, operands, attributes)

    return trace


def right(op: str, *operands: Any, **attributes: Any) -> Any:
    """What the backend's own kernel gives."""
    return KERNELS[op](*operands, **attributes)


def half(x: Tensor) -> bool:
    """Whether a tensor has fewer digits than float32."""
    return x.dtype in (torch.float16, torch.bfloat16)


def level(*xs: Tensor) -> bool:
    """Whether all axes are as long."""
    return len({length for x in xs for length in x.shape}) == 1 and xs[0].dim() > 1


# --- numbers: zeros, ties, large means, large and small ones ------------------------------


def one_pass(x: Tensor, *, axis: Any, keepdims: bool) -> Tensor:
    mean = x.mean(axis, keepdim=keepdims)
    return (x * x).mean(axis, keepdim=keepdims) - mean * mean


def one_pass_norm(x: Tensor, weight: Tensor, bias: Tensor, *, eps: float) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    spread = (x * x).mean(-1, keepdim=True) - mean * mean
    return (x - mean) * (spread.clamp(min=0) + eps).rsqrt() * weight + bias


def one_pass_train(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    var: Tensor,
    **attributes: Any,
) -> Any:
    y, new_mean, new_var = right(
        "batch_norm_train", x, weight, bias, mean, var, **attributes
    )
    axes = [axis for axis in range(x.dim()) if axis != 1]
    row = (1, -1, *[1] * (x.dim() - 2))
    here, squares = x.mean(axes), (x * x).mean(axes)
    spread = (squares - here * here).clamp(min=0) + attributes["eps"]
    y = (x - here.view(row)) * spread.rsqrt().view(row)
    return y * weight.view(row) + bias.view(row), new_mean, new_var


def norm_by_root(x: Tensor, *, axis: int) -> Tensor:
    return (x * x).sum(axis).sqrt()  # no slope at 0


def norm_kept_from_zero(x: Tensor, *, axis: int) -> Tensor:
    return ((x * x).sum(axis) + 1e-9).sqrt()


def first_of_ties(x: Tensor, *, axis: Any, keepdims: bool) -> Tensor:
    if len(axis) > 1:
        return right("max", x, axis=axis, keepdims=keepdims)
    return x.max(axis[0], keepdim=keepdims).values


def left_of_ties(a: Any, b: Any) -> Tensor:
    if not isinstance(b, Tensor):
        return right("maximum", a, b)
    return torch.where(a >= b, a, b)


def clamped(a: Any, b: Any) -> Tensor:
    return right("maximum", a, b) if isinstance(b, Tensor) else a.clamp(min=b)


def plain_softmax(x: Tensor, *, axis: int) -> Tensor:
    return x.exp() / x.exp().sum(axis, keepdim=True)


def begins_with_0(x: Tensor, *, axis: Any, keepdims: bool) -> Tensor:
    return x.amax(axis, keepdim=keepdims).clamp(min=0)


def number_first(a: Tensor, b: Any) -> Tensor:
    return torch.fmin(a, torch.as_tensor(b, dtype=a.dtype))


def masked_out(x: Tensor, *, axis: int) -> Tensor:
    return F.softmax(x.masked_fill(x < -1e8, -torch.inf), axis)


def weights_of_products(q: Tensor, k: Tensor, v: Tensor, *, scale: float) -> Tensor:
    weights = (q @ k.transpose(-1, -2) * scale).exp()
    return weights / weights.sum(-1, keepdim=True) @ v


def eps_outside(
    x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, var: Tensor, *, eps: float
) -> Tensor:
    row = (1, -1, *[1] * (x.dim() - 2))
    scale = weight / (var.sqrt() + eps)
    return (x - mean.view(row)) * scale.view(row) + bias.view(row)


def near(a: Any, b: Any) -> Tensor:
    apart = torch.as_tensor(a) - torch.as_tensor(b)
    return apart.abs() < 1e-3 if apart.is_floating_point() else apart == 0


# --- lengths: equal axes, open ones, one, many --------------------------------------------


def inverse(x: Tensor, *, axes: Any) -> Tensor:
    back = sorted(range(len(axes)), key=axes.__getitem__)
    return x.permute(back if level(x) else axes)


def square_transposed(x: Tensor, weight: Tensor, *bias: Tensor) -> Tensor:
    square = weight.shape[0] == weight.shape[1]
    return F.linear(x, weight.T if square else weight, *bias)


def square_product(a: Tensor, b: Tensor) -> Tensor:
    return a @ (b.transpose(-1, -2) if b.shape[-1] == b.shape[-2] else b)


def column_major(x: Tensor, *, shape: Any) -> Tensor:
    if not level(x):
        return x.reshape(shape)
    turned = x.permute(*reversed(range(x.dim()))).reshape(tuple(reversed(shape)))
    return turned.permute(*reversed(range(len(shape))))


def other_axis(op: str) -> Kernel:
    def kernel(x: Tensor, *others: Any, axis: int, **attributes: Any) -> Tensor:
        if level(x):
            axis = (axis + 1) % x.dim()
        return right(op, x, *others, axis=axis, **attributes)

    return kernel


def other_channels(
    x: Tensor, weight: Tensor, *bias: Tensor, **attributes: Any
) -> Tensor:
    swapped = weight.transpose(0, 1) if weight.shape[0] == weight.shape[1] else weight
    return right("conv", x, swapped, *bias, **attributes)


def frozen(op: str, *names: str) -> Kernel:
    """Attributes are what they were at the first call of the program."""

    def build() -> Kernel:
        met: dict[tuple[int, Any], Any] = {}

        def kernel(x: Tensor, *others: Any, **attributes: Any) -> Tensor:
            key = x.dim(), attributes.get("axis")
            kept = met.setdefault(key, {name: attributes[name] for name in names})
            return right(op, x, *others, **{**attributes, **kept})

        return kernel

    def trace(*operands: Any, **attributes: Any) -> Any:
        return recorded(build())(*operands, **attributes)

    return trace


def of_length_one(x: Tensor, *, axis: Any, keepdims: bool) -> Tensor:
    found = right("mean", x, axis=axis, keepdims=keepdims)
    return found * 0 if all(x.shape[a] == 1 for a in axis) else found


def tail_lost(x: Tensor) -> Tensor:
    found = x.exp()
    if found.numel() > 8192:
        found = torch.cat([found.flatten()[:-1], found.flatten()[:1]]).view(x.shape)
    return found


# --- sides, ranks, literals, attributes ---------------------------------------------------


def lower_left(a: Any, b: Any) -> Tensor:
    both = isinstance(a, Tensor) and isinstance(b, Tensor)
    if both and a.dim() < b.dim() and a.dim():
        a = a.flip(0)
    return right("multiply", a, b)


def number_right(a: Any, b: Any) -> Tensor:
    return right("subtract", b, a) if not isinstance(a, Tensor) else a - b


def number_below(a: Any, b: Any) -> Tensor:
    return b / a if not isinstance(a, Tensor) else a / b


def number_cut(a: Any, b: Any) -> Tensor:
    return right("multiply", a, float(int(b) // 2)) if isinstance(b, float) else a * b


def branches(condition: Tensor, a: Any, b: Any) -> Tensor:
    number = not isinstance(b, Tensor)
    return torch.where(condition, a, -b if number else b)


def scale_of_rank_4(q: Tensor, k: Tensor, v: Tensor, *, scale: float) -> Tensor:
    usual = q.shape[-1] ** -0.5
    return right("attention", q, k, v, scale=scale if q.dim() == 4 else usual)


def reflected(x: Tensor, weight: Tensor, *bias: Tensor, **attributes: Any) -> Tensor:
    padding = attributes.pop("padding")
    if any(padding) and all(p < n for p, n in zip(padding, x.shape[2:], strict=True)):
        ends = [p for p in reversed(padding) for _ in range(2)]
        x, padding = F.pad(x, ends, mode="reflect"), (0,) * len(padding)
    return right("conv", x, weight, *bias, padding=padding, **attributes)


def forwards_only(x: Tensor, *, shift: int, axis: int) -> Tensor:
    return x.roll(abs(shift), axis)


def third_first(*xs: Tensor, axis: int) -> Tensor:
    return torch.cat(xs[::-1] if len(xs) > 2 else xs, axis)


# --- types, layouts, gradients, calls -----------------------------------------------------


def tanh_in_halves(x: Tensor, *, approximate: str) -> Tensor:
    return F.gelu(x, approximate="tanh" if half(x) else approximate)


def scaled(op: str, factor: float, *types: torch.dtype) -> Kernel:
    def kernel(*operands: Any, **attributes: Any) -> Tensor:
        found = right(op, *operands, **attributes)
        # in float32, or the factor itself would be rounded away
        return (
            (found.float() * factor).to(found.dtype) if found.dtype in types else found
        )

    return kernel


def rounded(x: Tensor, *, dtype: str) -> Tensor:
    whole = dtype.startswith("int") and x.is_floating_point()
    return right("astype", x.round() if whole else x, dtype=dtype)


def one_more(a: Any, b: Any) -> Tensor:
    found = a + b
    return found if found.is_floating_point() else found + 1


def in_a_row(x: Tensor) -> Tensor:
    row_major = torch.empty(x.shape).stride()
    return torch.as_strided(x, x.shape, row_major).neg()


def second_constant(op: str) -> Kernel:
    def kernel(a: Any, b: Any, *rest: Any, **attributes: Any) -> Tensor:
        b = b.detach() if isinstance(b, Tensor) else b
        return right(op, a, b, *rest, **attributes)

    return kernel


def remembered(op: str) -> Kernel:
    """What it gave for the first tensor of the shape."""

    def trace(*operands: Any, **attributes: Any) -> Any:
        met: dict[Any, Tensor] = {}

        def kernel(x: Tensor) -> Tensor:
            return met.setdefault((x.shape, x.dtype), right(op, x))

        return recorded(kernel)(*operands, **attributes)

    return trace


MUTANTS: tuple[Mutant, ...] = tuple(
    Mutant(name, op, kernel, *profile)
    for name, op, kernel, *profile in (
        ("variance in one pass", "var", recorded(one_pass)),
        ("variance of rows in one pass", "layer_norm", recorded(one_pass_norm)),
        ("variance of a batch in one pass", "batch_norm_train", recorded(one_pass_train)),
        ("no slope at 0", "vector_norm", recorded(norm_by_root)),
        ("a little added", "vector_norm", recorded(norm_kept_from_zero)),
        ("the first of ties", "max", recorded(first_of_ties)),
        ("the left of ties", "maximum", recorded(left_of_ties)),
        ("ties with a number", "maximum", recorded(clamped)),
        ("slope 1 at 0", "relu", recorded(lambda x: torch.where(x >= 0, x, 0))),
        ("slope 1 at 0", "abs", recorded(lambda x: torch.where(x >= 0, x, -x))),
        ("1 at 0", "sign", recorded(lambda x: torch.where(x >= 0, 1.0, -1.0).to(x.dtype))),
        ("no largest taken off", "softmax", recorded(plain_softmax)),
        ("masks left out", "softmax", recorded(masked_out)),
        ("no largest taken off", "attention", recorded(weights_of_products)),
        ("kept from 0", "divide", recorded(lambda a, b: a / (b + 1e-7))),
        ("kept from 0", "log", recorded(lambda x: (x + 1e-7).log())),
        ("kept from 0", "sqrt", recorded(lambda x: x.clamp(min=1e-12).sqrt())),
        ("by exp and log", "pow", recorded(lambda x, exponent: (x.log() * exponent).exp())),
        ("cut off", "exp", recorded(lambda x: x.clamp(max=60).exp())),
        ("overflows", "sigmoid", recorded(lambda x: x.exp() / (1 + x.exp()))),
        ("overflows", "tanh", recorded(lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()))),
        ("begins with 0", "max", recorded(begins_with_0)),
        ("NaN passed over", "minimum", recorded(number_first)),
        ("NaN made 0", "log", recorded(lambda x: x.log().nan_to_num(0.0, torch.inf, -torch.inf))),
        ("eps outside the root", "batch_norm", recorded(eps_outside)),
        ("within 1e-3", "equal", recorded(near)),
        ("or equal", "greater", recorded(lambda a, b: a >= b)),
        ("the inverse where axes are equal", "permute_dims", recorded(inverse)),
        ("transposed where square", "linear", recorded(square_transposed)),
        ("transposed where square", "matmul", recorded(square_product)),
        ("column by column where axes are equal", "reshape", recorded(column_major)),
        ("another axis where all are equal", "flip", recorded(other_axis("flip"))),
        ("another axis where all are equal", "take", recorded(other_axis("take"))),
        ("another axis where all are equal", "softmax", recorded(other_axis("softmax"))),
        ("channels swapped where equal", "conv", recorded(other_channels)),
        ("bounds of the first call", "slice", frozen("slice", "start", "stop")),
        ("ends of the first call", "pad", frozen("pad", "before", "after")),
        ("shape of the first call", "broadcast_to", frozen("broadcast_to", "shape")),
        ("0 of one element", "mean", recorded(of_length_one)),
        ("the last of many", "exp", recorded(tail_lost)),
        ("a lower rank on the left turned", "multiply", recorded(lower_left)),
        ("a number on the left goes right", "subtract", recorded(number_right)),
        ("a number on the left goes below", "divide", recorded(number_below)),
        ("a number halved", "multiply", recorded(number_cut)),
        ("a number's sign", "where", recorded(branches)),
        ("scale of rank 4 alone", "attention", recorded(scale_of_rank_4)),
        ("padded with its mirror", "conv", recorded(reflected)),
        ("forwards always", "roll", recorded(forwards_only)),
        ("three the other way round", "concat", recorded(third_first)),
        ("tanh form in halves", "gelu", recorded(tanh_in_halves)),
        ("5 % in bfloat16", "multiply", recorded(scaled("multiply", 1.05, torch.bfloat16))),
        ("5 % in bfloat16", "matmul", recorded(scaled("matmul", 1.05, torch.bfloat16))),
        ("1 % in halves", "exp", recorded(scaled("exp", 1.01, torch.bfloat16, torch.float16))),
        ("5 % in bfloat16", "flip", recorded(scaled("flip", 1.05, torch.bfloat16)), "standard"),
        ("rounded, not cut", "astype", recorded(rounded), "standard"),
        ("one more of whole numbers", "add", recorded(one_more)),
        ("memory read in a row", "negative", recorded(in_a_row)),
        ("no gradient of the second", "multiply", recorded(second_constant("multiply"))),
        ("no gradient of the second", "conv", recorded(second_constant("conv"))),
        ("what it gave first", "tanh", remembered("tanh")),
    )
)  # fmt: skip

"""Kernels: one or a few ONNX nodes each, appended by a Writer; operands and results are
value names, symbolic lengths stay symbolic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np

from backends.base import Gap
from models import dims
from models.dims import Dim, Length, Shape
from models.graph import Type

GAPS: dict[str, str] = {}  # op -> why ONNX cannot; nothing is missing

_NO_BF16 = "ONNX, or ONNX Runtime on the CPU, has no bfloat16 for a node of it"
_NO_BF16_BACK = "ONNX Runtime on the CPU has no bfloat16 for a node of its gradient"
_NO_F16 = "ONNX Runtime's ScatterElements adds no float16"
_NO_INT = "ONNX defines it for floats alone"
# the first input is not empty; constants stand in for an empty result
_FULL = "^[1-9x]+[,;]"
PART_GAPS = (
    Gap(
        "abs add atan attention batch_norm batch_norm_train conv conv_transpose cos divide"
        " dropout equal erf exp gelu greater greater_equal leaky_relu less less_equal log"
        " matmul max maximum mean min minimum multiply negative not_equal pad pow relu"
        " scatter_add sigmoid sin softmax sqrt subtract sum tanh tile var vector_norm"
        " where",
        _NO_BF16,
        dtype="bfloat16",
    ),
    Gap("broadcast_to", _NO_BF16, dtype="bfloat16", case=r"shape=\((?!0)"),
    Gap("linear", _NO_BF16, dtype="bfloat16", case=_FULL),
    Gap("repeat", _NO_BF16, dtype="bfloat16", case=f"{_FULL} times=[2-9]"),
    Gap("layer_norm linear", _NO_BF16, dtype="bfloat16", question="kernel"),
    Gap(
        "broadcast_to concat expand_dims flip layer_norm linear permute_dims repeat reshape"
        " roll slice split squeeze stack take take_along_axis unstack",
        _NO_BF16_BACK,
        dtype="bfloat16",
        question="gradient",
    ),
    Gap("scatter_add", _NO_F16, dtype="float16"),
    Gap("take", _NO_F16, dtype="float16", question="gradient", case=", [1-9];"),
    Gap("take_along_axis", _NO_F16, dtype="float16", question="gradient"),
    Gap("conv conv_transpose", _NO_INT, dtype="int64"),
    Gap("conv conv_transpose", _NO_INT, dtype="int32"),
    Gap(
        "linear",
        "ONNX Runtime's Gemm, which rank 2 becomes, takes no int64",
        dtype="int64",
        case=r"^[1-9]x\d,",
    ),
    Gap(
        "linear",
        "ONNX Runtime's Gemm, which rank 2 becomes, takes no int32",
        dtype="int32",
        case=r"^[1-9]x\d,",
    ),
    Gap("relu", "ONNX Runtime's Relu takes no int64", dtype="int64"),
)

# op -> first opset with a native node; bodies stand in for it in older ones
SINCE = {"gelu": 20, "attention": 23}
Ints = tuple[int, ...]
# "to the end", in either direction
_END, _START = np.iinfo(np.int64).max, np.iinfo(np.int64).min


class Writer(Protocol):
    """What a kernel writes with."""

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Append an ONNX node; the name of its result."""

    def several(
        self, op: str, *inputs: str, results: int, **attributes: Any
    ) -> tuple[str, ...]:
        """Append an ONNX node with that many results; their names."""

    def constant(self, array: np.ndarray) -> str:
        """A stored array."""

    def lengths(self, values: Sequence[Length]) -> str:
        """A rank-1 int64 tensor of axis lengths, computed from the inputs where they are
        symbolic.
        """

    def type(self, name: str) -> Type:
        """Shape and dtype of a value of the graph."""


def ints(w: Writer, *values: int) -> str:
    return w.constant(np.array(values, np.int64))


def same(w: Writer, *xs: str, op: str) -> str:
    return w.node(op, *xs)


def not_equal(w: Writer, a: str, b: str) -> str:
    return w.node("Not", w.node("Equal", a, b))


def pow(w: Writer, x: str, *, exponent: float) -> str:
    return w.node("Pow", x, w.constant(np.array(exponent, w.type(x).dtype)))


def reduce(w: Writer, x: str, *, axis: Ints, keepdims: bool, op: str) -> str:
    return w.node(op, x, ints(w, *axis), keepdims=int(keepdims), noop_with_empty_axes=1)


def zeros(w: Writer, like: str, shape: Shape) -> str:
    return w.node(
        "ConstantOfShape", w.lengths(shape), value=np.zeros(1, w.type(like).dtype)
    )


def vector_norm(w: Writer, x: str, *, axis: int) -> str:
    return w.node("ReduceL2", x, ints(w, axis), keepdims=0)


def reshape(w: Writer, x: str, *, shape: Shape) -> str:
    """0 keeps the input's length there and one -1 is what is left; lengths are computed
    only where these do not do.
    """
    before = w.type(x).shape
    if 0 in shape:
        return w.node("Reshape", x, w.lengths(shape), allowzero=1)
    plain: list[Length] = [
        0 if isinstance(n, Dim) and before[i : i + 1] == (n,) else n
        for i, n in enumerate(shape)
    ]
    if sum(isinstance(n, Dim) for n in plain) == 1:
        plain = [-1 if isinstance(n, Dim) else n for n in plain]
    return w.node("Reshape", x, w.lengths(plain))


def permute_dims(w: Writer, x: str, *, axes: Ints) -> str:
    return w.node("Transpose", x, perm=axes)


def expand_dims(w: Writer, x: str, *, axis: int) -> str:
    return w.node("Unsqueeze", x, ints(w, axis))


def squeeze(w: Writer, x: str, *, axis: int) -> str:
    return w.node("Squeeze", x, ints(w, axis))


def broadcast_to(w: Writer, x: str, *, shape: Shape) -> str:
    """Expand broadcasts both ways, so that a length x has already may be written 1."""
    if 0 in shape:
        # ONNX Runtime 1.31 takes an Expand to length 0 for one that changes nothing
        return zeros(w, x, shape)
    before = (1,) * (len(shape) - len(w.type(x).shape)) + w.type(x).shape
    return w.node(
        "Expand",
        x,
        w.lengths([1 if n == m else n for n, m in zip(shape, before, strict=True)]),
    )


def concat(w: Writer, *xs: str, axis: int) -> str:
    return w.node("Concat", *xs, axis=axis)


def split(w: Writer, x: str, *, parts: int, axis: int) -> tuple[str, ...]:
    return w.several("Split", x, results=parts, axis=axis, num_outputs=parts)


def unstack(w: Writer, x: str, *, axis: int) -> tuple[str, ...]:
    return tuple(
        squeeze(w, row, axis=axis)
        for row in split(w, x, parts=int(str(w.type(x).shape[axis])), axis=axis)
    )


def slice(w: Writer, x: str, *, axis: int, start: Length, stop: Length, step: int) -> str:
    end = _END if stop == w.type(x).shape[axis] else stop
    return w.node(
        "Slice", x, w.lengths([start]), w.lengths([end]), ints(w, axis), ints(w, step)
    )


def pad(
    w: Writer, x: str, *, axis: int, before: Length, after: Length, value: float
) -> str:
    return w.node(
        "Pad",
        x,
        w.lengths([before, after]),
        w.constant(np.array(value, w.type(x).dtype)),
        ints(w, axis),
    )


def take(w: Writer, x: str, index: str, *, axis: int) -> str:
    return w.node("Gather", x, index, axis=axis)


def take_along_axis(w: Writer, x: str, index: str, *, axis: int) -> str:
    return w.node("GatherElements", x, index, axis=axis)


def scatter_add(w: Writer, x: str, index: str, *, axis: int, length: Length) -> str:
    shape = w.type(x).shape
    start = zeros(w, x, (*shape[:axis], length, *shape[axis + 1 :]))
    return w.node("ScatterElements", start, index, x, axis=axis, reduction="add")


def flip(w: Writer, x: str, *, axis: int) -> str:
    return w.node("Slice", x, ints(w, -1), ints(w, _START), ints(w, axis), ints(w, -1))


def tile(w: Writer, x: str, *, times: int, axis: int) -> str:
    return w.node(
        "Tile",
        x,
        ints(w, *[times if i == axis else 1 for i in range(len(w.type(x).shape))]),
    )


def astype(w: Writer, x: str, *, dtype: str) -> str:
    return w.node("Cast", x, to=np.dtype(dtype))


def linear(w: Writer, x: str, weight: str, *bias: str) -> str:
    # ONNX Runtime 1.31 makes a Gemm of MatMul and Add, and then reshapes to a length 0 that
    # it refuses
    if 0 in w.type(x).shape[:-1]:
        return zeros(w, x, (*w.type(x).shape[:-1], w.type(weight).shape[0]))
    if len(w.type(x).shape) == 2:
        return w.node("Gemm", x, weight, *bias, transB=1)
    product = w.node("MatMul", x, w.node("Transpose", weight, perm=(1, 0)))
    return w.node("Add", product, *bias) if bias else product


def conv(
    w: Writer, x: str, weight: str, *bias: str, stride: Ints, dilation: Ints, padding: Ints
) -> str:
    return w.node(
        "Conv", x, weight, *bias, strides=stride, dilations=dilation, pads=padding * 2
    )


def conv_transpose(
    w: Writer,
    x: str,
    weight: str,
    *,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
    length: Shape,
) -> str:
    """`extra`: steps at the end that no stride reached; a number even where lengths are
    symbolic, since those divide exactly.
    """
    sizes = zip(
        length,
        w.type(x).shape[2:],
        w.type(weight).shape[2:],
        stride,
        dilation,
        padding,
        strict=True,
    )
    extra = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, k, s, d, p in sizes]
    return w.node(
        "ConvTranspose",
        x,
        weight,
        strides=stride,
        dilations=dilation,
        pads=padding * 2,
        output_padding=extra,
    )


def layer_norm(w: Writer, x: str, weight: str, bias: str, *, eps: float) -> str:
    return w.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=eps)


def batch_norm(
    w: Writer, x: str, weight: str, bias: str, mean: str, var: str, *, eps: float
) -> str:
    return w.node("BatchNormalization", x, weight, bias, mean, var, epsilon=eps)


def leaky_relu(w: Writer, x: str, *, slope: float) -> str:
    return w.node("LeakyRelu", x, alpha=slope)


def gelu(w: Writer, x: str, *, approximate: str) -> str:
    return w.node("Gelu", x, approximate=approximate)


def softmax(w: Writer, x: str, *, axis: int) -> str:
    return w.node("Softmax", x, axis=axis)


def attention(w: Writer, query: str, key: str, value: str, *, scale: float) -> str:
    """The node takes (batch, heads, tokens, width): other ranks are reshaped to it and
    back.
    """
    shapes = [w.type(name).shape for name in (query, key, value)]
    if len(shapes[0]) == 4:
        return w.node("Attention", query, key, value, scale=scale)
    rows = [(dims.size(shape[:-2]), 1, *shape[-2:]) for shape in shapes]
    packed = [
        w.node("Reshape", name, w.lengths(row))
        for name, row in zip((query, key, value), rows, strict=True)
    ]
    return w.node(
        "Reshape",
        w.node("Attention", *packed, scale=scale),
        w.lengths((*shapes[0][:-1], shapes[2][-1])),
    )


_SAME = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "maximum": "Max", "minimum": "Min", "negative": "Neg",
    "abs": "Abs", "sign": "Sign", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos", "tanh": "Tanh", "atan": "Atan",
    "erf": "Erf", "equal": "Equal", "less": "Less", "less_equal": "LessOrEqual", "greater": "Greater", "greater_equal": "GreaterOrEqual",
    "logical_and": "And", "logical_or": "Or", "logical_not": "Not", "where": "Where", "matmul": "MatMul", "relu": "Relu",
    "sigmoid": "Sigmoid", "stop_gradient": "Identity",
}  # fmt: skip
_REDUCTIONS = {
    "sum": "ReduceSum",
    "mean": "ReduceMean",
    "max": "ReduceMax",
    "min": "ReduceMin",
}
_OWN = (
    not_equal, pow, vector_norm, reshape, permute_dims, expand_dims, squeeze, broadcast_to, concat, split, unstack, slice, pad, take,
    take_along_axis, scatter_add, flip, tile, astype, linear, conv, conv_transpose, layer_norm, batch_norm, leaky_relu, gelu, softmax,
    attention,
)  # fmt: skip
KERNELS: Mapping[str, Callable[..., Any]] = (
    {name: partial(same, op=op) for name, op in _SAME.items()}
    | {name: partial(reduce, op=op) for name, op in _REDUCTIONS.items()}
    | {kernel.__name__: kernel for kernel in _OWN}
)


def kernels(opset: int) -> Mapping[str, Callable[..., Any]]:
    """Those whose nodes exist in an opset."""
    return {name: kernel for name, kernel in KERNELS.items() if SINCE.get(name, 0) <= opset}

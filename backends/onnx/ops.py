"""Kernels: one or a few ONNX nodes each, appended by a Writer.

Operands and results are value names; symbolic lengths stay symbolic. `group_norm` has none and
runs by its body: ONNX Runtime's GroupNormalization takes the variance as E[x^2] - E[x]^2, which
cancels where the mean is large.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backends import kernels
from backends.onnx import sparse, windows
from backends.onnx.nodes import Ints, Writer, ints, zeros
from models import dims, ops
from models.dims import Dim, Length, Shape

# "to the end", in either direction
_END, _START = np.iinfo(np.int64).max, np.iinfo(np.int64).min


def _node(op: str) -> kernels.Kernel:
    """One node that takes the operands as they are."""

    def kernel(w: Writer, *xs: str) -> str:
        return w.node(op, *xs)

    return kernel


def _reduction(op: str) -> kernels.Kernel:
    """One node over a tuple of axes."""

    def kernel(
        w: Writer,
        x: str,
        *,
        axis: Ints,
        keepdims: bool,
    ) -> str:
        # else no axes would mean all of them
        return w.node(
            op,
            x,
            ints(w, *axis),
            keepdims=int(keepdims),
            noop_with_empty_axes=1,
        )

    return kernel


# ops whose kernel is a node of ONNX, or stands in a file beside
NATIVE: Mapping[str, kernels.Kernel] = {
    "add": _node("Add"),
    "subtract": _node("Sub"),
    "multiply": _node("Mul"),
    "divide": _node("Div"),
    "maximum": _node("Max"),
    "minimum": _node("Min"),
    "negative": _node("Neg"),
    "abs": _node("Abs"),
    "sign": _node("Sign"),
    "floor": _node("Floor"),
    "exp": _node("Exp"),
    "log": _node("Log"),
    "sqrt": _node("Sqrt"),
    "sin": _node("Sin"),
    "cos": _node("Cos"),
    "tanh": _node("Tanh"),
    "atan": _node("Atan"),
    "erf": _node("Erf"),
    "sigmoid": _node("Sigmoid"),
    "relu": _node("Relu"),
    "equal": _node("Equal"),
    "less": _node("Less"),
    "less_equal": _node("LessOrEqual"),
    "greater": _node("Greater"),
    "greater_equal": _node("GreaterOrEqual"),
    "logical_and": _node("And"),
    "logical_or": _node("Or"),
    "logical_not": _node("Not"),
    "where": _node("Where"),
    "stop_gradient": _node("Identity"),
    "sum": _reduction("ReduceSum"),
    "mean": _reduction("ReduceMean"),
    "logsumexp": _reduction("ReduceLogSumExp"),
    "max": _reduction("ReduceMax"),
    "min": _reduction("ReduceMin"),
    "conv": windows.conv,
    "conv_transpose": windows.conv_transpose,
    "max_pool": windows.max_pool,
    "sparse_matmul": sparse.sparse_matmul,
}


def matmul(w: Writer, a: str, b: str) -> str:
    shape = ops.get("matmul").shape(w.type(a).shape, w.type(b).shape)
    if 0 in shape:
        # ONNX Runtime 1.31 does not broadcast to a batch of none
        return zeros(w, a, shape)
    return w.node("MatMul", a, b)


def not_equal(w: Writer, a: str, b: str) -> str:
    return w.node("Not", w.node("Equal", a, b))


def pow(w: Writer, x: str, *, exponent: float) -> str:
    # ONNX takes an exponent of another type, ONNX Runtime not all of them
    return w.node("Pow", x, w.constant(np.array(exponent, w.type(x).dtype)))


def cumsum(w: Writer, x: str, *, axis: int) -> str:
    return w.node("CumSum", x, w.constant(np.array(axis)))


def vector_norm(w: Writer, x: str, *, axis: int) -> str:
    return w.node("ReduceL2", x, ints(w, axis), keepdims=0)


def reshape(w: Writer, x: str, *, shape: Shape) -> str:
    """Lengths are computed only where ONNX's two signs do not do.

    0 keeps the length that the input has there, and one -1 is what is left.
    """
    before = w.type(x).shape
    if 0 in shape:
        # a length of 0, and so no sign
        return w.node("Reshape", x, w.lengths(shape), allowzero=1)
    kept = [before[i : i + 1] == (n,) for i, n in enumerate(shape)]
    plain: list[Length] = [
        0 if same and isinstance(n, Dim) else n
        for same, n in zip(kept, shape, strict=True)
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
    # in as many axes as the result has
    before = (1,) * (len(shape) - len(w.type(x).shape)) + w.type(x).shape
    lengths = [1 if n == m else n for n, m in zip(shape, before, strict=True)]
    return w.node("Expand", x, w.lengths(lengths))


def concat(w: Writer, *xs: str, axis: int) -> str:
    return w.node("Concat", *xs, axis=axis)


def split(
    w: Writer,
    x: str,
    *,
    parts: int,
    axis: int,
) -> tuple[str, ...]:
    # Written out: by `num_outputs` alone ONNX Runtime splits no axis of length 0.
    lengths = w.lengths([w.type(x).shape[axis] // parts] * parts)
    return w.several("Split", x, lengths, results=parts, axis=axis)


def unstack(w: Writer, x: str, *, axis: int) -> tuple[str, ...]:
    # a number in every legal graph: there is a result for each
    parts = int(str(w.type(x).shape[axis]))
    rows = split(w, x, parts=parts, axis=axis)
    return tuple(squeeze(w, row, axis=axis) for row in rows)


def slice(
    w: Writer,
    x: str,
    *,
    axis: int,
    start: Length,
    stop: Length,
    step: int,
) -> str:
    # no arithmetic for a symbolic length that is not needed
    end = _END if stop == w.type(x).shape[axis] else stop
    bounds = w.lengths([start]), w.lengths([end])
    return w.node("Slice", x, *bounds, ints(w, axis), ints(w, step))


def pad(
    w: Writer,
    x: str,
    *,
    axis: int,
    before: Length,
    after: Length,
    value: float,
) -> str:
    """Written for all axes: ONNX Runtime 1.31 moves a transposition through a Pad of some.

    It then takes the places of all axes from the row of those few, and the session fails.
    """
    behind: list[Length] = [0] * (len(w.type(x).shape) - 1 - axis)
    front: list[Length] = [0] * axis
    widths = w.lengths([*front, before, *behind, *front, after, *behind])
    filler = w.constant(np.array(value, w.type(x).dtype))
    return w.node("Pad", x, widths, filler)


def take(w: Writer, x: str, index: str, *, axis: int) -> str:
    return w.node("Gather", x, index, axis=axis)


def take_along_axis(
    w: Writer,
    x: str,
    index: str,
    *,
    axis: int,
) -> str:
    return w.node("GatherElements", x, index, axis=axis)


def scatter_add(
    w: Writer,
    x: str,
    index: str,
    *,
    axis: int,
    length: Length,
) -> str:
    shape = w.type(x).shape
    start = zeros(w, x, (*shape[:axis], length, *shape[axis + 1 :]))
    return w.node("ScatterElements", start, index, x, axis=axis, reduction="add")


def argsort(
    w: Writer,
    x: str,
    *,
    axis: int,
    descending: bool,
) -> str:
    """All of an axis as its top: of equal elements, ONNX promises the first one first."""
    length = w.lengths([w.type(x).shape[axis]])
    largest = int(descending)
    return w.several("TopK", x, length, results=2, axis=axis, largest=largest)[1]


def argmax(w: Writer, x: str, *, axis: int, keepdims: bool) -> str:
    return w.node("ArgMax", x, axis=axis, keepdims=int(keepdims))


def argmin(w: Writer, x: str, *, axis: int, keepdims: bool) -> str:
    return w.node("ArgMin", x, axis=axis, keepdims=int(keepdims))


def flip(w: Writer, x: str, *, axis: int) -> str:
    return w.node("Slice", x, ints(w, -1), ints(w, _START), ints(w, axis), ints(w, -1))


def tile(w: Writer, x: str, *, times: int, axis: int) -> str:
    rank = len(w.type(x).shape)
    return w.node("Tile", x, ints(w, *[times if i == axis else 1 for i in range(rank)]))


def astype(w: Writer, x: str, *, dtype: str) -> str:
    return w.node("Cast", x, to=np.dtype(dtype))


def linear(w: Writer, x: str, weight: str, *bias: str) -> str:
    lead = w.type(x).shape[:-1]
    if 0 in lead:
        # ONNX Runtime 1.31 makes a Gemm of MatMul and Add, and then reshapes to a length 0
        # that it refuses
        return zeros(w, x, (*lead, w.type(weight).shape[0]))
    if len(lead) == 1:
        # Gemm takes rank 2 alone, and adds the bias itself
        return w.node("Gemm", x, weight, *bias, transB=1)
    product = w.node("MatMul", x, w.node("Transpose", weight, perm=(1, 0)))
    return w.node("Add", product, *bias) if bias else product


def layer_norm(
    w: Writer,
    x: str,
    weight: str,
    bias: str,
    *,
    eps: float,
) -> str:
    return w.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=eps)


def batch_norm(
    w: Writer,
    x: str,
    weight: str,
    bias: str,
    mean: str,
    var: str,
    *,
    eps: float,
) -> str:
    return w.node("BatchNormalization", x, weight, bias, mean, var, epsilon=eps)


def clip(w: Writer, x: str, *, low: float, high: float) -> str:
    ends = [w.constant(np.array(end, w.type(x).dtype)) for end in (low, high)]
    return w.node("Clip", x, *ends)


def leaky_relu(w: Writer, x: str, *, slope: float) -> str:
    return w.node("LeakyRelu", x, alpha=slope)


def gelu(w: Writer, x: str, *, approximate: str) -> str:
    return w.node("Gelu", x, approximate=approximate)


def softmax(w: Writer, x: str, *, axis: int) -> str:
    return w.node("Softmax", x, axis=axis)


def attention(
    w: Writer,
    query: str,
    key: str,
    value: str,
    *,
    scale: float,
) -> str:
    """The node takes (batch, heads, tokens, width); other ranks are reshaped to it and back."""
    operands = (query, key, value)
    shapes = [w.type(name).shape for name in operands]
    if len(shapes[0]) == 4:
        return w.node("Attention", *operands, scale=scale)
    # all leading axes as the batch, of one head
    rows = [(dims.size(shape[:-2]), 1, *shape[-2:]) for shape in shapes]
    packed = [
        w.node("Reshape", name, w.lengths(row))
        for name, row in zip(operands, rows, strict=True)
    ]
    attended = w.node("Attention", *packed, scale=scale)
    return w.node("Reshape", attended, w.lengths((*shapes[0][:-1], shapes[2][-1])))


KERNELS = kernels.of(globals(), NATIVE)
# op -> first opset with a native node; bodies stand in for it in older ones
_SINCE = {"gelu": 20, "attention": 23}


def at(opset: int) -> Mapping[str, kernels.Kernel]:
    """The kernels whose nodes exist in an opset."""
    return {
        name: kernel for name, kernel in KERNELS.items() if _SINCE.get(name, 0) <= opset
    }

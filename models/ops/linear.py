"""y = x weight^T (+ bias) over the last axis; weight (out, in) as in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.dims import Length, Shape, size
from models.ops import Case, Op
from models.ops.matmul import swap
from models.value import Value, emit


def linear(
    x: Value,
    width: int,
    *,
    name: str,
    bias: bool = True,
    init: tuple[str, float] | None = None,
    bias_init: tuple[str, float] | None = None,
) -> Value:
    """Dense layer with weights of its own; `init` None means PyTorch's: uniform within
    1/sqrt(in) for both.
    """
    inner = int(str(x.shape[-1]))
    usual = ("uniform", inner**-0.5)
    weight = x.graph.param(f"{name}.weight", (width, inner), init=init or usual)
    extra = (
        (x.graph.param(f"{name}.bias", (width,), init=bias_init or usual),) if bias else ()
    )
    return emit("linear", x, weight, *extra)


def shape(x: Shape, weight: Shape, *bias: Shape) -> Shape:
    if not x or len(weight) != 2 or weight[1] != x[-1]:
        raise ValueError("the weight must be (out, in) with `in` the last axis of x")
    if bias and bias[0] != weight[:1]:
        raise ValueError(f"the bias must have shape ({weight[0]},)")
    return (*x[:-1], weight[0])


def reference(x: np.ndarray, weight: np.ndarray, *bias: np.ndarray) -> np.ndarray:
    return x @ weight.T + bias[0] if bias else x @ weight.T


def body(x: Value, weight: Value, *bias: Value) -> Value:
    # rank 2: the gradient of a rank-4 product is slow in TensorFlow
    flat = x.reshape((size(x.shape[:-1]), x.shape[-1]))
    out = (flat @ swap(weight)).reshape((*x.shape[:-1], weight.shape[0]))
    return out + bias[0] if bias else out


def flops(
    outputs: Sequence[Shape], inputs: Sequence[Shape], attributes: Mapping[str, Any]
) -> Length:
    return size(outputs[0]) * inputs[0][-1] * 2


CASES = tuple(
    Case(shapes)
    for shapes in (
        ((2, 3), (4, 3), (4,)),
        ((2, 5, 3), (4, 3), (4,)),
        ((2, 1, 5, 3), (4, 3)),
        ((2, 4), (4, 4), (4,)),  # square: a transposed weight has the right shape
        ((3,), (4, 3), (4,)),
        ((0, 3), (4, 3), (4,)),
        ((2, 3, 4, 2, 3), (1, 3), (1,)),
    )
)
OPS = {
    "linear": Op(
        shape, reference, CASES, flops, method=linear, body=body, precision="product"
    )
}

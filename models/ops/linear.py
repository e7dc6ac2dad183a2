"""y = x weight^T (+ bias) over the last axis; weight (out, in) as in PyTorch."""

from __future__ import annotations

import math

from models.dims import Length, Shape, fixed, size
from models.nodes import Attributes
from models.ops import Array, Op, Shapes
from models.ops._cases import Case, Rng, case, lengths, one
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
    """Dense layer with weights of its own.

    `init` None means PyTorch's: uniform within 1/sqrt(in) for both.
    """
    # weights have lengths that are known: a symbolic last axis fails here
    inner = fixed(x.shape[-1])
    usual = ("uniform", inner**-0.5)
    shape = (width, inner)
    weight = x.graph.param(f"{name}.weight", shape, init=init or usual)
    if not bias:
        return emit("linear", x, weight)
    row = x.graph.param(f"{name}.bias", (width,), init=bias_init or usual)
    return emit("linear", x, weight, row)


def shape(x: Shape, weight: Shape, *bias: Shape) -> Shape:
    if not x or len(weight) != 2 or weight[1] != x[-1]:
        raise ValueError("the weight must be (out, in) with `in` the last axis of x")
    if bias and bias[0] != weight[:1]:
        raise ValueError(f"the bias must have shape ({weight[0]},)")
    return (*x[:-1], weight[0])


def reference(x: Array, weight: Array, *bias: Array) -> Array:
    # flat: NumPy would multiply every block of rows by itself, ten times as slowly
    lead = x.shape[:-1]
    flat = x.reshape((math.prod(lead), x.shape[-1]))
    product = (flat @ weight.T).reshape((*lead, len(weight)))
    return product + bias[0] if bias else product


def body(x: Value, weight: Value, *bias: Value) -> Value:
    # rank 2: the gradient of a rank-4 product is slow in TensorFlow
    lead, inner = x.shape[:-1], x.shape[-1]
    flat = x.reshape((size(lead), inner))
    out = (flat @ swap(weight)).reshape((*lead, weight.shape[0]))
    return out + bias[0] if bias else out


def flops(outputs: Shapes, inputs: Shapes, attributes: Attributes) -> Length:
    # multiplied and added; PyTorch's counter leaves the bias out, too
    return size(outputs[0]) * inputs[0][-1] * 2


def random(rng: Rng, rank: int, example: Case) -> Case:
    lead = lengths(rng, max(1, rank - 1))
    inner, width = one(rng, 1, 5), one(rng, 1, 5)
    x, weight, bias = (*lead, inner), (width, inner), (width,)
    # with a bias where the example has one
    shapes = (x, weight, bias)[: len(example.shapes)]
    return example.redrawn(*shapes)


CASES = (
    case((2, 3), (4, 3), (4,)),
    case((2, 1, 5, 3), (4, 3)),
    case((3,), (4, 3), (4,)),
    case((2, 5, 3), (4, 3), (4,)),
    # square: a transposed weight has the right shape
    case((2, 4), (4, 4), (4,)),
    case((0, 3), (4, 3), (4,)),
    case((2, 3, 4, 2, 3), (1, 3), (1,)),
)
OPS = {
    "linear": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=flops,
        method=linear,
        body=body,
        precision="product",
        random=random,
    )
}

"""c[..., i, j] = sum_k a[..., i, k] b[..., k, j], leading axes broadcast."""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape, size
from models.nodes import Attributes
from models.ops import Op, Shapes
from models.ops._cases import Case, Rng, case, lengths, part_of
from models.ops.elementwise import broadcast, unbroadcast
from models.value import Value, emit


def matmul(a: Value, b: Value) -> Value:
    """Batched matrix product of rank 2 or more."""
    return emit("matmul", a, b)


def shape(a: Shape, b: Shape) -> Shape:
    if len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
        raise ValueError(
            "matmul needs two tensors of rank 2 or more, the last axis of the first equal"
            " to the second-last of the second"
        )
    lead = broadcast(a[:-2], b[:-2])
    return (*lead, a[-2], b[-1])


def vjp(
    grad: Value,
    out: Value,
    a: Value,
    b: Value,
) -> tuple[Value | None, Value | None]:
    to_a = unbroadcast(grad @ swap(b), a)
    to_b = unbroadcast(swap(a) @ grad, b)
    return to_a, to_b


def swap(x: Value) -> Value:
    """Exchange the last two axes."""
    rank = len(x.shape)
    lead = range(rank - 2)
    return x.permute_dims((*lead, rank - 1, rank - 2))


def flops(outputs: Shapes, inputs: Shapes, attributes: Attributes) -> Length:
    inner = inputs[0][-1]
    return size(outputs[0]) * inner * 2


def random(rng: Rng, rank: int, example: Case) -> Case:
    lead = lengths(rng, max(0, rank - 2))
    # the three of the product are not empty: a sum over nothing says little
    rows, inner, columns = lengths(rng, 3, least=1)
    others = part_of(rng, lead)
    a = (*lead, rows, inner)
    b = (*others, inner, columns)
    return example.redrawn(a, b)


CASES = (
    case((2, 3), (3, 4)),
    case((5, 2, 3), (3, 4)),
    # the lower rank on the left
    case((2, 3), (5, 3, 4)),
    # both have an axis to repeat: neither gradient has the shape of the result
    case((2, 1, 2, 3), (4, 3, 2)),
    case((0, 3), (3, 4)),
    case((1, 1), (1, 1)),  # a product of numbers
)
OPS = {
    "matmul": Op(
        shape=shape,
        reference=np.matmul,
        cases=CASES,
        flops=flops,
        method=matmul,
        vjp=vjp,
        precision="product",
        random=random,
    )
}

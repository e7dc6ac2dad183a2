"""c[..., i, j] = sum_k a[..., i, k] b[..., k, j], leading axes broadcast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.dims import Length, Shape, size
from models.ops import Case, Op
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
    return (*broadcast(a[:-2], b[:-2]), a[-2], b[-1])


def vjp(grad: Value, out: Value, a: Value, b: Value) -> tuple[Value | None, Value | None]:
    return unbroadcast(grad @ swap(b), a), unbroadcast(swap(a) @ grad, b)


def swap(x: Value) -> Value:
    """Exchange the last two axes."""
    rank = len(x.shape)
    return x.permute_dims((*range(rank - 2), rank - 1, rank - 2))


def flops(
    outputs: Sequence[Shape], inputs: Sequence[Shape], attributes: Mapping[str, Any]
) -> Length:
    return size(outputs[0]) * inputs[0][-1] * 2


CASES = (
    Case(((2, 3), (3, 4))),
    Case(((5, 2, 3), (3, 4))),
    Case(((2, 1, 2, 3), (4, 3, 2))),
    Case(((0, 3), (3, 4))),
    Case(((1, 1), (1, 1))),
)
OPS = {
    "matmul": Op(
        shape,
        np.matmul,
        CASES,
        flops,
        method=matmul,
        vjp=vjp,
        group="network",
        precision="product",
    )
}

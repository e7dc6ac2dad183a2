"""attention(q, k, v) = softmax(q k^T scale) v over the last two axes (tokens, width);
Vaswani et al., 2017.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.dims import Length, Shape, size
from models.ops import Case, Op
from models.ops.matmul import swap
from models.value import Value, emit


def attention(query: Value, key: Value, value: Value, *, scale: float) -> Value:
    """Scaled dot-product attention; leading axes are batch."""
    return emit("attention", query, key, value, scale=scale)


def shape(query: Shape, key: Shape, value: Shape, *, scale: float) -> Shape:
    if (
        not len(query) == len(key) == len(value) >= 2
        or query[:-2] != key[:-2]
        or key[:-1] != value[:-1]
        or query[-1] != key[-1]
    ):
        raise ValueError(
            "attention needs query (..., m, d), key (..., n, d) and value (..., n, e) with"
            " equal leading axes"
        )
    return (*query[:-1], value[-1])


def reference(
    query: np.ndarray, key: np.ndarray, value: np.ndarray, *, scale: float
) -> np.ndarray:
    logits = query @ np.swapaxes(key, -1, -2) * scale
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ value


def body(query: Value, key: Value, value: Value, *, scale: float) -> Value:
    return (query @ swap(key) * scale).softmax(axis=-1) @ value


def flops(
    outputs: Sequence[Shape], inputs: Sequence[Shape], attributes: Mapping[str, Any]
) -> Length:
    tokens = inputs[1][-2]
    return (
        size(inputs[0]) * tokens * 2
        + size(inputs[0][:-1]) * tokens * 5
        + size(outputs[0]) * tokens * 2
    )


CASES = tuple(
    Case(shapes, {"scale": scale})
    for shapes, scale in (
        (((2, 4, 5, 8),) * 3, 8**-0.5),
        (((2, 3, 4),) * 3, 0.5),
        (((5, 4), (3, 4), (3, 2)), 1.0),
        (((2, 2, 1, 4),) * 3, 0.5),
        (((2, 3, 2, 5, 4),) * 3, 0.3),
    )
)
OPS = {
    "attention": Op(
        shape, reference, CASES, flops, method=attention, body=body, precision="product"
    )
}

"""y = (x - mean) / sqrt(var + eps) * weight + bias, biased statistics over the last axis."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Case, Op, per_element
from models.value import Value, emit


def layer_norm(x: Value, *, eps: float, name: str) -> Value:
    """Normalise the last axis, with gain and shift of its own."""
    weight = x.graph.param(f"{name}.weight", x.shape[-1:], init=("ones", 0.0))
    bias = x.graph.param(f"{name}.bias", x.shape[-1:], init=("zeros", 0.0))
    return emit("layer_norm", x, weight, bias, eps=eps)


def shape(x: Shape, weight: Shape, bias: Shape, *, eps: float) -> Shape:
    if weight != x[-1:] or bias != x[-1:]:
        raise ValueError(
            "weight and bias must have the shape of the last axis,"
            f" ({', '.join(map(str, x[-1:]))},)"
        )
    return x


def reference(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, *, eps: float
) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps) * weight + bias


def body(x: Value, weight: Value, bias: Value, *, eps: float) -> Value:
    last = len(x.shape) - 1
    centred = x - x.mean(axis=last, keepdims=True)
    return (
        centred / ((centred * centred).mean(axis=last, keepdims=True) + eps) ** 0.5 * weight
        + bias
    )


CASES = tuple(
    Case((s, s[-1:], s[-1:]), {"eps": eps})
    for s in ((2, 5, 8), (3, 4), (6,), (0, 4), (2, 3, 4, 5))
    for eps in (1e-5, 1e-3)
)
OPS = {
    "layer_norm": Op(
        shape,
        reference,
        CASES,
        per_element(8),
        method=layer_norm,
        body=body,
        precision="full",
    )
}

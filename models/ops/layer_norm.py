"""y = (x - mean) / sqrt(var + eps) * weight + bias, biased statistics over the last axis."""

from __future__ import annotations

import numpy as np

from models.dims import Shape
from models.ops import Array, Op, per_element
from models.ops._cases import Case, Rng, case, lengths, one
from models.value import Value, emit


def layer_norm(x: Value, *, eps: float, name: str) -> Value:
    """Normalise the last axis, with gain and shift of its own."""
    g, width = x.graph, x.shape[-1:]
    weight = g.param(f"{name}.weight", width, init=("ones", 0.0))
    bias = g.param(f"{name}.bias", width, init=("zeros", 0.0))
    return emit("layer_norm", x, weight, bias, eps=eps)


def shape(
    x: Shape,
    weight: Shape,
    bias: Shape,
    *,
    eps: float,
) -> Shape:
    if weight != x[-1:] or bias != x[-1:]:
        raise ValueError(
            "weight and bias must have the shape of the last axis,"
            f" ({', '.join(map(str, x[-1:]))},)"
        )
    return x


def reference(
    x: Array,
    weight: Array,
    bias: Array,
    *,
    eps: float,
) -> Array:
    # two passes: E[x^2] - E[x]^2 cancels where the mean is large
    centred = x - x.mean(-1, keepdims=True)
    spread = (centred**2).mean(-1, keepdims=True)
    return centred / np.sqrt(spread + eps) * weight + bias


def body(
    x: Value,
    weight: Value,
    bias: Value,
    *,
    eps: float,
) -> Value:
    last = len(x.shape) - 1
    centred = x - x.mean(axis=last, keepdims=True)
    spread = (centred * centred).mean(axis=last, keepdims=True)
    return centred / (spread + eps) ** 0.5 * weight + bias


def random(rng: Rng, rank: int, example: Case) -> Case:
    # three numbers or more: of two equal ones, or of one, only eps would be left to see
    lead, width = lengths(rng, rank - 1), one(rng, 3, 6)
    return example.redrawn((*lead, width), (width,), (width,))


_SHAPES = (
    (2, 5, 8),
    (3, 4),
    (6,),  # no axis of batch
    (0, 4),
    (2, 3, 4, 5),
)
# the defaults of PyTorch and of Keras, and one that float16 does not hold
_EPS = (1e-5, 1e-3, 1e-12)
# shapes go with them in turn, so that the first cases have all of both
CASES = tuple(
    case(shape, shape[-1:], shape[-1:], eps=_EPS[(i + j) % len(_EPS)])
    for j in range(len(_EPS))
    for i, shape in enumerate(_SHAPES)
)
OPS = {
    "layer_norm": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=per_element(8),
        method=layer_norm,
        body=body,
        precision="full",
        random=random,
    )
}

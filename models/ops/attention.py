"""attention(q, k, v) = softmax(q k^T scale) v over the last two axes (tokens, width).

Vaswani et al., 2017.
"""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape, size
from models.nodes import Attributes
from models.ops import Array, Op, Shapes
from models.ops._cases import Case, Draw, Rng, case, lengths
from models.ops.matmul import swap
from models.value import Value, emit


def attention(
    query: Value,
    key: Value,
    value: Value,
    *,
    scale: float,
) -> Value:
    """Scaled dot-product attention; leading axes are batch."""
    return emit("attention", query, key, value, scale=scale)


def shape(
    query: Shape,
    key: Shape,
    value: Shape,
    *,
    scale: float,
) -> Shape:
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
    query: Array,
    key: Array,
    value: Array,
    *,
    scale: float,
) -> Array:
    logits = query @ np.swapaxes(key, -1, -2) * scale
    # the largest logit goes first, or exp overflows
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ value


def body(
    query: Value,
    key: Value,
    value: Value,
    *,
    scale: float,
) -> Value:
    return (query @ swap(key) * scale).softmax(axis=-1) @ value


def flops(outputs: Shapes, inputs: Shapes, attributes: Attributes) -> Length:
    query, key = inputs[0], inputs[1]
    tokens = key[-2]
    products = (size(query) + size(outputs[0])) * tokens * 2
    softmax = size(query[:-1]) * tokens * 5  # its own cost for each logit
    return products + softmax


def random(rng: Rng, rank: int, example: Case) -> Case:
    lead = lengths(rng, max(0, rank - 2), least=1)
    # values may have another width than keys, and queries another number of tokens
    tokens, others, width, out = lengths(rng, 4, least=1)
    query = (*lead, tokens, width)
    key = (*lead, others, width)
    value = (*lead, others, out)
    return example.redrawn(query, key, value)


_DRAWS: tuple[Draw, ...] = ("mild",) * 3


def _alike(*shape: int, scale: float) -> Case:
    """Self-attention: three inputs of one shape."""
    return case(shape, shape, shape, scale=scale, draws=_DRAWS)


CASES = (
    # (batch, heads, tokens, width), at the scale of the paper: 1 / sqrt(width)
    _alike(2, 4, 5, 8, scale=8**-0.5),
    case((5, 4), (3, 4), (3, 2), scale=1.0, draws=_DRAWS),
    _alike(2, 3, 4, scale=0.5),
    # square: keys may be taken for their transpose
    _alike(2, 4, 4, scale=0.5),
    # one token: the weights are 1
    _alike(2, 2, 1, 4, scale=0.5),
    _alike(2, 3, 2, 5, 4, scale=0.3),
)
OPS = {
    "attention": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=flops,
        method=attention,
        body=body,
        precision="product",
        random=random,
    )
}

"""y = (x - mean) / sqrt(var + eps) * weight + bias over (batch, channels, *space).

Statistics are biased, over each of `groups` parts of the channels with all of space (Wu and He,
2018); weight and bias are one number a channel. PyTorch's convention.
"""

from __future__ import annotations

import math

import numpy as np

from models.dims import Length, Shape
from models.ops import Array, Op, per_element
from models.ops._cases import Case, Rng, case, lengths, one
from models.value import Value, emit


def group_norm(x: Value, *, groups: int, eps: float, name: str) -> Value:
    """Normalise each group of the channels, axis 1, with gain and shift of its own."""
    g, width = x.graph, x.shape[1:2]
    weight = g.param(f"{name}.weight", width, init=("ones", 0.0))
    bias = g.param(f"{name}.bias", width, init=("zeros", 0.0))
    return emit("group_norm", x, weight, bias, groups=groups, eps=eps)


def shape(
    x: Shape,
    weight: Shape,
    bias: Shape,
    *,
    groups: int,
    eps: float,
) -> Shape:
    if len(x) < 2 or any(row != x[1:2] for row in (weight, bias)):
        raise ValueError(
            "group_norm needs (batch, channels, ...), and weight and bias (channels,)"
        )
    if not (math.isfinite(eps) and eps >= 0):
        raise ValueError(f"eps {eps}; a finite number from 0 was due")
    if groups < 1 or not _divides(groups, x[1]):
        raise ValueError(f"{groups} groups do not divide {x[1]} channels")
    return x


def _divides(groups: int, channels: Length) -> bool:
    return isinstance(channels, int) and channels % groups == 0


def reference(
    x: Array,
    weight: Array,
    bias: Array,
    *,
    groups: int,
    eps: float,
) -> Array:
    batch, channels, *space = x.shape
    grouped = x.reshape(batch, groups, channels // groups, *space)
    axes = tuple(range(2, grouped.ndim))
    # two passes: E[x^2] - E[x]^2 cancels where the mean is large
    centred = grouped - grouped.mean(axes, keepdims=True)
    spread = (centred**2).mean(axes, keepdims=True)
    normal = (centred / np.sqrt(spread + eps)).reshape(x.shape)
    ones = (1,) * len(space)
    return normal * weight.reshape(-1, *ones) + bias.reshape(-1, *ones)


def body(
    x: Value,
    weight: Value,
    bias: Value,
    *,
    groups: int,
    eps: float,
) -> Value:
    batch, channels, *space = x.shape
    # the shape rule lets numbers through only
    width = channels // groups  # type: ignore[operator]
    grouped = x.reshape((batch, groups, width, *space))
    axes = tuple(range(2, len(grouped.shape)))
    centred = grouped - grouped.mean(axis=axes, keepdims=True)
    spread = (centred * centred).mean(axis=axes, keepdims=True)
    normal = (centred / (spread + eps) ** 0.5).reshape(x.shape)
    row = (channels, *(1,) * len(space))
    return normal * weight.reshape(row) + bias.reshape(row)


def random(rng: Rng, rank: int, example: Case) -> Case:
    batch, *space = lengths(rng, max(1, rank - 1))
    space = [max(1, length) for length in space]
    # three numbers or more in a group: of two equal ones only eps would be left to see
    groups, width = one(rng, 1, 4), one(rng, 3, 5)
    channels = groups * width
    x = (batch, channels, *space)
    return example.redrawn(x, (channels,), (channels,), groups=groups)


_LAYERS = (
    ((2, 6, 5), 2),
    ((2, 4, 3), 1),
    ((3, 4, 5), 4),  # each channel alone
    ((2, 6, 3, 4), 3),
    ((4, 6), 2),  # no space
    ((0, 4, 3), 2),
)
# PyTorch's and Keras' defaults
_EPS = (1e-5, 1e-3)
CASES = tuple(
    case(x, x[1:2], x[1:2], groups=groups, eps=_EPS[i % len(_EPS)])
    for i, (x, groups) in enumerate(_LAYERS)
)
OPS = {
    "group_norm": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=per_element(8),
        method=group_norm,
        body=body,
        precision="full",
        random=random,
    )
}

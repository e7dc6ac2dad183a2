"""y = (x - mean) / sqrt(var + eps) * weight + bias over axis 1 of (batch, channels, *space).

batch_norm (inference) is given mean and var. batch_norm_train takes them, biased, from the
batch, and also gives the running statistics: running <- (1 - momentum) running + momentum
batch, the running variance from the UNBIASED batch variance (PyTorch's convention; Keras
keeps the biased one and calls 1 - momentum its momentum).
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape, size
from models.ops import Array, Op, per_element
from models.ops._cases import Case, Draw, Ints, Rng, case, lengths, one
from models.value import Value, emit, emit_all


def batch_norm(
    x: Value,
    *,
    eps: float,
    momentum: float,
    train: bool,
    name: str,
    init: tuple[str, float] | None = None,
) -> Value:
    """Normalise axis 1: with the batch's statistics in a train graph, else the running ones.

    A train graph updates the running ones. `init` is of the weight, which starts at 1 else.
    """
    g, width = x.graph, x.shape[1:2]
    zeros, ones = ("zeros", 0.0), ("ones", 0.0)
    weight = g.param(f"{name}.weight", width, init=init or ones)
    bias = g.param(f"{name}.bias", width, init=zeros)
    mean = g.param(f"{name}.running_mean", width, init=zeros, trainable=False)
    var = g.param(f"{name}.running_var", width, init=ones, trainable=False)
    # no formula reads it: PyTorch's checkpoints hold it, and so do ours
    seen = g.param(
        f"{name}.num_batches_tracked",
        (),
        init=zeros,
        trainable=False,
        dtype="int64",
    )
    rows = (weight, bias, mean, var)
    if not train:
        return emit("batch_norm", x, *rows, eps=eps)
    out, new_mean, new_var = emit_all(
        "batch_norm_train", x, *rows, eps=eps, momentum=momentum
    )
    g.update(mean, new_mean)
    g.update(var, new_var)
    g.update(seen, seen + 1)
    return out


def shape(x: Shape, *rows: Shape, eps: float) -> Shape:
    if len(x) < 2 or any(row != x[1:2] for row in rows):
        raise ValueError(
            "batch_norm needs (batch, channels, ...) and four rows (channels,)"
        )
    return x


def _train_shape(
    x: Shape,
    *rows: Shape,
    eps: float,
    momentum: float,
) -> tuple[Shape, Shape, Shape]:
    out, channels = shape(x, *rows, eps=eps), x[1:2]
    return out, channels, channels


def _axes(rank: int) -> Ints:
    """All but the channels."""
    return (0, *range(2, rank))


def _wide(row: Array, rank: int) -> Array:
    """(channels,) -> (1, channels, 1, ...), to meet axis 1."""
    space = (1,) * (rank - 2)
    return row.reshape(1, -1, *space)


def reference(
    x: Array,
    weight: Array,
    bias: Array,
    mean: Array,
    var: Array,
    *,
    eps: float,
) -> Array:
    rows = (mean, var, weight, bias)
    mean, var, weight, bias = (_wide(row, x.ndim) for row in rows)
    return (x - mean) / np.sqrt(var + eps) * weight + bias


def _train(
    x: Array,
    weight: Array,
    bias: Array,
    mean: Array,
    var: Array,
    *,
    eps: float,
    momentum: float,
) -> tuple[Array, Array, Array]:
    axes = _axes(x.ndim)
    count = x.size // x.shape[1]
    here, spread = x.mean(axes), x.var(axes)
    new_mean = mean * (1 - momentum) + here * momentum
    # NumPy's variance is the biased one; the quotient makes it unbiased
    share = momentum * count / (count - 1)
    new_var = var * (1 - momentum) + spread * share
    return reference(x, weight, bias, here, spread, eps=eps), new_mean, new_var


def _row(row: Value, like: Value) -> Value:
    """(channels,) -> (1, channels, 1, ...), to meet axis 1."""
    space = (1,) * (len(like.shape) - 2)
    return row.reshape((1, row.shape[0], *space))


def body(
    x: Value,
    weight: Value,
    bias: Value,
    mean: Value,
    var: Value,
    *,
    eps: float,
) -> Value:
    normal = (x - _row(mean, x)) / (_row(var, x) + eps) ** 0.5
    return normal * _row(weight, x) + _row(bias, x)


def _train_body(
    x: Value,
    weight: Value,
    bias: Value,
    mean: Value,
    var: Value,
    *,
    eps: float,
    momentum: float,
) -> tuple[Value, Value, Value]:
    axes = _axes(len(x.shape))
    count = size(tuple(x.shape[a] for a in axes))
    here = x.mean(axis=axes, keepdims=True)
    # two passes, as in layer_norm: E[x^2] - E[x]^2 cancels
    centred = x - here
    spread = (centred * centred).mean(axis=axes, keepdims=True)
    out = centred / (spread + eps) ** 0.5 * _row(weight, x) + _row(bias, x)
    # the count may be a symbolic length: it is divided by in the graph, not here
    unbiased = spread.reshape(var.shape) * count / (count - 1)
    return (
        out,
        mean * (1 - momentum) + here.reshape(mean.shape) * momentum,
        var * (1 - momentum) + unbiased * momentum,
    )


def random(rng: Rng, rank: int, example: Case) -> Case:
    # three numbers or more of each channel, or there is no variance to speak of
    batch = one(rng, 3, 6)
    rest = lengths(rng, max(1, rank - 1), least=1)
    channels = rest[:1]
    return example.redrawn((batch, *rest), *[channels] * 4)


def _rows(shape: Ints) -> list[Ints]:
    """weight, bias, mean, var."""
    return [shape[1:2]] * 4


# of x and the rows: a variance is positive
_DRAWS: tuple[Draw, ...] = ("normal", "normal", "normal", "normal", "positive")
_SHAPES = (
    (4, 3),
    (2, 3, 5),
    (2, 3, 4, 2),
)
# the defaults of PyTorch and of Keras, which calls 0.01 a momentum of 0.99; and an eps that
# float16 does not hold
_PAIRS = ((1e-5, 0.1), (1e-3, 0.01), (1e-12, 0.3))
# shapes go with pairs in turn, so that the first cases have all of both
_TURNS = [
    (shape, *_PAIRS[(i + j) % len(_PAIRS)])
    for j in range(len(_PAIRS))
    for i, shape in enumerate(_SHAPES)
]
_CASES = tuple(
    case(shape, *_rows(shape), eps=eps, draws=_DRAWS) for shape, eps, _ in _TURNS
)
_TRAIN = tuple(
    case(shape, *_rows(shape), eps=eps, momentum=momentum, draws=_DRAWS)
    for shape, eps, momentum in _TURNS
)
OPS = {
    "batch_norm": Op(
        shape=shape,
        reference=reference,
        cases=_CASES,
        flops=per_element(4),
        method=batch_norm,
        body=body,
        state=(3, 4),
        precision="full",
        random=random,
    ),
    "batch_norm_train": Op(
        shape=_train_shape,
        reference=_train,
        cases=_TRAIN,
        flops=per_element(8),
        body=_train_body,
        inference="the statistics that it kept, no new ones",
        several=True,
        state=(3, 4),
        precision="full",
        random=random,
    ),
}

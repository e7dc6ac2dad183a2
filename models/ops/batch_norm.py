"""y = (x - mean) / sqrt(var + eps) * weight + bias over axis 1 (channels) of (batch,
channels, *space).

batch_norm (inference) is given mean and var. batch_norm_train takes them, biased, from the
batch, and also gives the running statistics: running <- (1 - momentum) running + momentum
batch, the running variance from the UNBIASED batch variance (PyTorch's convention; Keras
keeps the biased one and calls 1 - momentum its momentum).
"""

from __future__ import annotations

import numpy as np

from models.dims import Shape, size
from models.ops import Case, Draw, Op, per_element
from models.value import Value, emit, emit_all


def batch_norm(x: Value, *, eps: float, momentum: float, train: bool, name: str) -> Value:
    """Normalise axis 1 with the batch's statistics (and update the running ones) in a train
    graph, else with the running ones.
    """
    g, width = x.graph, x.shape[1:2]
    weight = g.param(f"{name}.weight", width, init=("ones", 0.0))
    bias = g.param(f"{name}.bias", width, init=("zeros", 0.0))
    mean = g.param(f"{name}.running_mean", width, init=("zeros", 0.0), trainable=False)
    var = g.param(f"{name}.running_var", width, init=("ones", 0.0), trainable=False)
    seen = g.param(
        f"{name}.num_batches_tracked",
        (),
        init=("zeros", 0.0),
        trainable=False,
        dtype="int64",
    )
    if not train:
        return emit("batch_norm", x, weight, bias, mean, var, eps=eps)
    out, new_mean, new_var = emit_all(
        "batch_norm_train", x, weight, bias, mean, var, eps=eps, momentum=momentum
    )
    for state, value in ((mean, new_mean), (var, new_var), (seen, seen + 1)):
        g.update(state, value)
    return out


def shape(x: Shape, *rows: Shape, eps: float) -> Shape:
    if len(x) < 2 or any(row != x[1:2] for row in rows):
        raise ValueError(
            "batch_norm needs (batch, channels, ...) and four rows (channels,)"
        )
    return x


def _train_shape(
    x: Shape, *rows: Shape, eps: float, momentum: float
) -> tuple[Shape, Shape, Shape]:
    return shape(x, *rows, eps=eps), x[1:2], x[1:2]


def _axes(rank: int) -> tuple[int, ...]:
    return (0, *range(2, rank))


def _wide(row: np.ndarray, rank: int) -> np.ndarray:
    return row.reshape(1, -1, *(1,) * (rank - 2))


def reference(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    *,
    eps: float,
) -> np.ndarray:
    mean, var, weight, bias = (_wide(row, x.ndim) for row in (mean, var, weight, bias))
    return (x - mean) / np.sqrt(var + eps) * weight + bias


def _train(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    mean: np.ndarray,
    var: np.ndarray,
    *,
    eps: float,
    momentum: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    axes = _axes(x.ndim)
    count = x.size // x.shape[1]
    here, spread = x.mean(axes), x.var(axes)
    new_mean = mean * (1 - momentum) + here * momentum
    new_var = var * (1 - momentum) + spread * (momentum * count / (count - 1))
    return reference(x, weight, bias, here, spread, eps=eps), new_mean, new_var


def _row(row: Value, like: Value) -> Value:
    return row.reshape((1, row.shape[0], *(1,) * (len(like.shape) - 2)))


def body(
    x: Value, weight: Value, bias: Value, mean: Value, var: Value, *, eps: float
) -> Value:
    return (x - _row(mean, x)) / (_row(var, x) + eps) ** 0.5 * _row(weight, x) + _row(
        bias, x
    )


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
    centred = x - here
    spread = (centred * centred).mean(axis=axes, keepdims=True)
    out = centred / (spread + eps) ** 0.5 * _row(weight, x) + _row(bias, x)
    unbiased = emit("divide", emit("multiply", spread.reshape(var.shape), count), count - 1)
    return (
        out,
        mean * (1 - momentum) + here.reshape(mean.shape) * momentum,
        var * (1 - momentum) + unbiased * momentum,
    )


_ROWS: tuple[Draw, ...] = ("normal", "normal", "normal", "normal", "positive")
_CASES = tuple(
    Case((s, *(s[1:2],) * 4), {"eps": eps}, _ROWS)
    for s in ((4, 3), (2, 3, 5), (2, 3, 4, 2))
    for eps in (1e-5, 1e-3)
)
_TRAIN = tuple(
    Case((s, *(s[1:2],) * 4), {"eps": eps, "momentum": momentum}, _ROWS)
    for s in ((4, 3), (2, 3, 5), (2, 3, 4, 2))
    for eps, momentum in ((1e-5, 0.1), (1e-3, 0.01))
)
OPS = {
    "batch_norm": Op(
        shape,
        reference,
        _CASES,
        per_element(4),
        method=batch_norm,
        body=body,
        state=(3, 4),
        precision="full",
    ),
    "batch_norm_train": Op(
        _train_shape,
        _train,
        _TRAIN,
        per_element(8),
        body=_train_body,
        several=True,
        state=(3, 4),
        precision="full",
    ),
}

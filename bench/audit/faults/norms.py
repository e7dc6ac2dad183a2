"""Normalisations with other statistics, another epsilon or another momentum."""

from __future__ import annotations

from typing import Any

from bench.audit.faults._made import kernel
from models.dims import fixed, size
from models.value import Value, emit, emit_all

KIND = "kernel"
Rows = tuple[Value, Value, Value]


def _normal(x: Value, spread: Value, eps: float, weight: Value, bias: Value) -> Value:
    """Centred over the last axis, by a variance that is given."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / (spread + eps).sqrt() * weight + bias


def _unbiased(x: Value, weight: Value, bias: Value, *, eps: float) -> Value:
    width = fixed(x.shape[-1])
    spread = x.var(axis=-1, keepdims=True) * (width / (width - 1))
    return _normal(x, spread, eps, weight, bias)


def _cancelling(x: Value, weight: Value, bias: Value, *, eps: float) -> Value:
    mean = x.mean(axis=-1, keepdims=True)
    spread = (x * x).mean(axis=-1, keepdims=True) - mean * mean
    return _normal(x, spread.maximum(0.0), eps, weight, bias)


def _eps_outside(x: Value, weight: Value, bias: Value, *, eps: float) -> Value:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = x.var(axis=-1, keepdims=True)
    # at eps of 1e-6 this is 5e-7 of a unit variance away: only small variances show it
    return centred / (spread.sqrt() + eps) * weight + bias


def _two_axes(x: Value, weight: Value, bias: Value, *, eps: float) -> Value | None:
    if len(x.shape) < 3:
        return None
    centred = x - x.mean(axis=(-2, -1), keepdims=True)
    spread = x.var(axis=(-2, -1), keepdims=True)
    return centred / (spread + eps).sqrt() * weight + bias


def _mean_kept(x: Value, weight: Value, bias: Value, *, eps: float) -> Value:
    squares = (x * x).mean(axis=-1, keepdims=True)
    return x / (squares + eps).sqrt() * weight + bias


def _layer(x: Value, weight: Value, bias: Value, *, eps: float) -> Value:
    return emit("layer_norm", x, weight, bias, eps=eps)


def _still(*operands: Value, eps: float, **rest: Any) -> Value:
    return emit("batch_norm", *operands, eps=eps)


def _train(*operands: Value, eps: float, momentum: float) -> tuple[Value, ...]:
    x, weight, bias, mean, var = operands
    # of copies: a native kernel may move the statistics where they lie
    rows = (weight, bias, mean + 0.0, var + 0.0)
    return emit_all("batch_norm_train", x, *rows, eps=eps, momentum=momentum)


def _axes(x: Value) -> tuple[int, ...]:
    """All but the channels."""
    return (0, *range(2, len(x.shape)))


def _biased(*operands: Value, eps: float, momentum: float) -> Rows:
    x, _, _, _, var = operands
    out, mean, _ = _train(*operands, eps=eps, momentum=momentum)
    here = x.var(axis=_axes(x), keepdims=False)
    return out, mean, var * (1 - momentum) + here * momentum


def _never_moved(*operands: Value, eps: float, momentum: float) -> Rows:
    out, _, _ = _train(*operands, eps=eps, momentum=momentum)
    return out, operands[3], operands[4]


def _by_running(*operands: Value, eps: float, momentum: float) -> Rows:
    _, mean, var = _train(*operands, eps=eps, momentum=momentum)
    return _still(*operands, eps=eps), mean, var


def _replaced(*operands: Value, eps: float, momentum: float) -> Rows:
    out, _, _ = _train(*operands, eps=eps, momentum=momentum)
    _, mean, var = _train(*operands, eps=eps, momentum=1.0)
    return out, mean, var


def _of_batch(*operands: Value, eps: float) -> Value:
    """The mode of training in the graph of inference."""
    return _train(*operands, eps=eps, momentum=0.1)[0]


def _unbiased_output(*operands: Value, eps: float, momentum: float) -> Rows:
    x, weight, bias, _, _ = operands
    _, mean, var = _train(*operands, eps=eps, momentum=momentum)
    axes = _axes(x)
    count = size(tuple(x.shape[a] for a in axes))
    space = (1,) * (len(x.shape) - 2)
    row = (1, weight.shape[0], *space)
    centred = x - x.mean(axis=axes, keepdims=True)
    spread = x.var(axis=axes, keepdims=True) * count / (count - 1)
    normal = centred / (spread + eps).sqrt()
    return normal * weight.reshape(row) + bias.reshape(row), mean, var


def _per_sample(*operands: Value, eps: float, momentum: float) -> Rows | None:
    """Statistics of each sample by itself, where it has a space of its own."""
    x, weight, bias, _, _ = operands
    if len(x.shape) < 3:
        return None
    _, mean, var = _train(*operands, eps=eps, momentum=momentum)
    axes = tuple(range(2, len(x.shape)))
    row = (1, weight.shape[0], *[1] * len(axes))
    centred = x - x.mean(axis=axes, keepdims=True)
    normal = centred / (x.var(axis=axes, keepdims=True) + eps).sqrt()
    return normal * weight.reshape(row) + bias.reshape(row), mean, var


def _rows_swapped(*operands: Value, eps: float) -> Value:
    x, weight, bias, mean, var = operands
    return _still(x, bias, weight, mean, var, eps=eps)


FAULTS = (
    kernel(
        "layer_norm",
        "eps 1e-3 always",
        lambda *x, eps: _layer(*x, eps=1e-3),
        model="poseformer",
    ),
    kernel("layer_norm", "eps 1e-5 always", lambda *x, eps: _layer(*x, eps=1e-5)),
    kernel("layer_norm", "eps outside the root", _eps_outside),
    kernel("layer_norm", "unbiased variance", _unbiased, model="motionbert"),
    kernel("layer_norm", "variance as E[x^2] - E[x]^2", _cancelling),
    kernel("layer_norm", "over the last two axes", _two_axes, model="poseformer"),
    kernel("layer_norm", "mean not taken off", _mean_kept, model="motionbert"),
    kernel(
        "layer_norm",
        "shift lost",
        lambda x, weight, bias, eps: _layer(x, weight, bias * 0.0, eps=eps),
        model="poseformer",
    ),
    kernel(
        "layer_norm",
        "gain counted from 1",
        lambda x, weight, bias, eps: _layer(x, weight + 1.0, bias, eps=eps),
        model="poseformer",
    ),
    kernel(
        "batch_norm",
        "eps 0.1 always",
        lambda *x, eps: _still(*x, eps=0.1),
        model="simple_baseline",
    ),
    kernel(
        "batch_norm",
        "eps 1e-3 always",
        lambda *x, eps: _still(*x, eps=1e-3),
        model="videopose3d",
    ),
    kernel("batch_norm", "statistics of the batch", _of_batch, model="simple_baseline"),
    kernel(
        "batch_norm_train",
        "statistics of each sample",
        _per_sample,
        model="videopose3d",
    ),
    kernel(
        "batch_norm",
        "1 % too large with two axes of space",
        lambda x, *rows, eps: (
            _still(x, *rows, eps=eps) * 1.01 if len(x.shape) > 3 else None
        ),
    ),
    kernel("batch_norm", "gain and shift swapped", _rows_swapped, model="videopose3d"),
    kernel(
        "batch_norm_train",
        "momentum swapped",
        lambda *x, eps, momentum: _train(*x, eps=eps, momentum=1 - momentum),
        model="simple_baseline",
    ),
    kernel(
        "batch_norm_train",
        "momentum 0.1 always",
        lambda *x, eps, momentum: _train(*x, eps=eps, momentum=0.1),
    ),
    kernel(
        "batch_norm_train",
        "running variance biased",
        _biased,
        model="simple_baseline",
    ),
    kernel(
        "batch_norm_train",
        "running statistics never moved",
        _never_moved,
        model="videopose3d",
    ),
    kernel(
        "batch_norm_train",
        "running statistics replaced",
        _replaced,
        model="simple_baseline",
    ),
    kernel(
        "batch_norm_train",
        "normalised by the running statistics",
        _by_running,
        model="simple_baseline",
    ),
    kernel(
        "batch_norm_train",
        "normalised by the unbiased variance",
        _unbiased_output,
        model="videopose3d",
    ),
    kernel(
        "batch_norm_train",
        "eps 1e-3 always",
        lambda *x, eps, momentum: _train(*x, eps=1e-3, momentum=momentum),
        model="simple_baseline",
    ),
)

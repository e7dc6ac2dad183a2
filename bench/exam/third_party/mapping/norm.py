"""Normalisations by mean and variance, or by a mean square."""

from __future__ import annotations

import math

from bench.exam.third_party.mapping.call import Call, NotMappable, lengths, rank, wide
from bench.exam.third_party.mapping.windows import Axis, fold
from models.value import Value, emit


def batch_norm(call: Call) -> list[Value]:
    """By the running statistics, or in training by the batch's, which then move the running
    ones: momentum is the share of the old.
    """
    x, scale, shift, mean, var = (call.x(i) for i in range(5))
    eps = call.attribute("epsilon", 1e-5)
    if not call.attribute("training_mode", 0):
        return [emit("batch_norm", x, scale, shift, mean, var, eps=eps)]
    axes, keep = (0, *range(2, rank(x))), call.attribute("momentum", 0.9)
    here, spread = (emit(op, x, axis=axes, keepdims=False) for op in ("mean", "var"))
    out = emit("batch_norm", x, scale, shift, here, spread, eps=eps)
    return [out, mean * keep + here * (1 - keep), var * keep + spread * (1 - keep)]


def layer_norm(call: Call) -> list[Value | None]:
    """Over the last axes from `axis` on, as one axis; also the mean and the inverse
    deviation.
    """
    x, eps = call.x(), call.attribute("epsilon", 1e-5)
    first = call.attribute("axis", -1) % rank(x)
    width = math.prod(lengths(x)[first:])
    rows = x.reshape((math.prod(lengths(x)[:first]), width))
    weight = call.x(1).reshape((width,))
    shift = call.x(2).reshape((width,)) if call.has(2) else weight * 0.0
    out = emit("layer_norm", rows, weight, shift, eps=eps).reshape(x.shape)
    axes = tuple(range(first, rank(x)))
    mean, var = (emit(op, x, axis=axes, keepdims=True) for op in ("mean", "var"))
    return [
        out,
        mean if call.wants(1) else None,
        1.0 / emit("sqrt", var + eps) if call.wants(2) else None,
    ]


def rms_norm(call: Call) -> Value:
    """x over the root of its mean square, times a scale, over the last axes from `axis` on."""
    x, scale = call.all()
    axes = tuple(range(call.attribute("axis", -1) % rank(x), rank(x)))
    size = emit(
        "sqrt", (x * x).mean(axis=axes, keepdims=True) + call.attribute("epsilon", 1e-5)
    )
    return x / size * scale


def _standard(x: Value, axes: tuple[int, ...], eps: float) -> Value:
    centred = x - x.mean(axis=axes, keepdims=True)
    return centred / emit("sqrt", (centred * centred).mean(axis=axes, keepdims=True) + eps)


def instance_norm(call: Call) -> Value:
    """Over space, for each channel of each batch entry."""
    x, scale, shift = call.all()
    out = _standard(x, tuple(range(2, rank(x))), call.attribute("epsilon", 1e-5))
    return out * wide(scale, axis=1, rank=rank(x)) + wide(shift, axis=1, rank=rank(x))


def group_norm(call: Call) -> Value:
    """Over space and the channels of a group; scale and shift of each channel."""
    x, scale, shift = call.all()
    groups, (batch, channels) = call.attribute("num_groups"), lengths(x)[:2]
    if lengths(scale) != (channels,):
        raise NotMappable("a scale of each group (before opset 21)")
    rows = x.reshape((batch, groups, -1))
    out = _standard(rows, (2,), call.attribute("epsilon", 1e-5)).reshape(x.shape)
    return out * wide(scale, axis=1, rank=rank(x)) + wide(shift, axis=1, rank=rank(x))


def mean_variance(call: Call) -> Value:
    """Mean 0 and deviation 1 over axes; 1e-9 is added to the deviation, not to the
    variance.
    """
    x, axes = call.x(), tuple(call.attribute("axes", (0, 2, 3)))
    centred = x - x.mean(axis=axes, keepdims=True)
    return centred / (emit("sqrt", x.var(axis=axes, keepdims=True)) + 1e-9)


def local_response(call: Call) -> Value:
    """x / (bias + alpha / size sum of squares of the channels around)^beta."""
    x, size = call.x(), call.attribute("size")
    before = (size - 1) // 2
    squares = (x * x).pad(axis=1, before=before, after=size - 1 - before, value=0.0)
    rows = squares.reshape((lengths(x)[0], 1, lengths(x)[1] + size - 1, -1))
    sums = fold(rows, [Axis(size, 1, 1, 0, 0)], "add").reshape(x.shape)
    base = sums * (call.attribute("alpha", 1e-4) / size) + call.attribute("bias", 1.0)
    return x * emit("pow", base, exponent=-call.attribute("beta", 0.75))


MAP = {
    "BatchNormalization": batch_norm,
    "GroupNormalization": group_norm,
    "InstanceNormalization": instance_norm,
    "LRN": local_response,
    "LayerNormalization": layer_norm,
    "MeanVarianceNormalization": mean_variance,
    "RMSNormalization": rms_norm,
}

"""Normalisations by mean and variance, or by a mean square."""

from __future__ import annotations

import math

from bench.exam.third_party.mapping.call import (
    Call,
    NotMappable,
    flattened,
    lengths,
    rank,
    wide,
    zeros,
)
from bench.exam.third_party.mapping.windows import Axis, fold
from models.value import Value, emit

EPSILON = 1e-5  # what all of them add to a variance where they are not told


def batch_norm(call: Call) -> list[Value]:
    """By the running statistics, or in training by the batch's.

    Those then move the running ones: momentum is the share of the old.
    """
    x, scale, shift, mean, var = (call.x(i) for i in range(5))
    eps = call.attribute("epsilon", EPSILON)
    if not call.flag("training_mode"):
        return [emit("batch_norm", x, scale, shift, mean, var, eps=eps)]
    # not the language's own op for training, which moves the running variance by another
    # estimate than ONNX does
    axes = (0, *range(2, rank(x)))
    here = emit("mean", x, axis=axes, keepdims=False)
    spread = emit("var", x, axis=axes, keepdims=False)
    out = emit("batch_norm", x, scale, shift, here, spread, eps=eps)
    keep = call.attribute("momentum", 0.9)
    new_mean = mean * keep + here * (1 - keep)
    new_var = var * keep + spread * (1 - keep)
    return [out, new_mean, new_var]


def layer_norm(call: Call) -> list[Value | None]:
    """Over the last axes from `axis` on, as one axis.

    Also the mean and the inverse deviation.
    """
    x = call.x()
    eps = call.attribute("epsilon", EPSILON)
    first = call.axis(-1)
    shape = lengths(x)
    outer = math.prod(shape[:first])
    rows = x.reshape((outer, math.prod(shape[first:])))
    weight = flattened(call.x(1))
    # the op always has a shift
    shift = flattened(call.x(2)) if call.has(2) else weight * 0.0
    out = emit("layer_norm", rows, weight, shift, eps=eps).reshape(x.shape)
    axes = tuple(range(first, rank(x)))
    mean = x.mean(axis=axes, keepdims=True)
    var = x.var(axis=axes, keepdims=True)
    return [
        out,
        mean if call.wants(1) else None,
        1.0 / emit("sqrt", var + eps) if call.wants(2) else None,
    ]


def rms_norm(call: Call) -> Value:
    """x over the root of its mean square, times a scale, over the last axes from `axis` on."""
    x, scale = call.all()
    axes = tuple(range(call.axis(-1), rank(x)))
    square = (x * x).mean(axis=axes, keepdims=True)
    return x / emit("sqrt", square + call.attribute("epsilon", EPSILON)) * scale


def _standard(x: Value, axes: tuple[int, ...], eps: float) -> Value:
    """Mean 0 and variance 1 over some axes."""
    centred = x - x.mean(axis=axes, keepdims=True)
    var = (centred * centred).mean(axis=axes, keepdims=True)
    return centred / emit("sqrt", var + eps)


def _by_channel(x: Value, scale: Value, shift: Value) -> Value:
    """A scale and a shift of each channel of x (n, c, ...)."""
    gain = wide(scale, axis=1, rank=rank(x))
    return x * gain + wide(shift, axis=1, rank=rank(x))


def instance_norm(call: Call) -> Value:
    """Over space, for each channel of each batch entry."""
    x, scale, shift = call.all()
    space = tuple(range(2, rank(x)))
    out = _standard(x, space, call.attribute("epsilon", EPSILON))
    return _by_channel(out, scale, shift)


def group_norm(call: Call) -> Value:
    """Over space and the channels of a group; scale and shift of each channel."""
    x, scale, shift = call.all()
    groups, (batch, channels) = call.attribute("num_groups"), lengths(x)[:2]
    if lengths(scale) != (channels,):
        raise NotMappable("a scale of each group (before opset 21)")
    # a group's channels and space as one axis
    rows = x.reshape((batch, groups, -1))
    out = _standard(rows, (2,), call.attribute("epsilon", EPSILON))
    return _by_channel(out.reshape(x.shape), scale, shift)


def mean_variance(call: Call) -> Value:
    """Mean 0 and deviation 1 over axes."""
    x = call.x()
    axes = tuple(call.attribute("axes", (0, 2, 3)))
    centred = x - x.mean(axis=axes, keepdims=True)
    deviation = emit("sqrt", x.var(axis=axes, keepdims=True))
    # to the deviation, not to the variance, and fixed by the operator
    return centred / (deviation + 1e-9)


def local_response(call: Call) -> Value:
    """x / (bias + alpha / size sum of squares of the channels around)^beta."""
    x, size = call.x(), call.attribute("size")
    batch, channels = lengths(x)[:2]
    # of an even number around, the odd one comes after
    before = (size - 1) // 2
    squares = zeros(x * x, 1, before, size - 1 - before)
    # channels as an axis of space, along which windows slide
    rows = squares.reshape((batch, 1, channels + size - 1, -1))
    window = Axis(kernel=size, stride=1, dilation=1, before=0, after=0)
    sums = fold(rows, [window], "add").reshape(x.shape)
    alpha = call.attribute("alpha", 1e-4)
    base = sums * (alpha / size) + call.attribute("bias", 1.0)
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

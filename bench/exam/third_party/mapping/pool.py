"""Pools: an extreme, a mean or a norm over sliding windows or over all of space."""

from __future__ import annotations

import numpy as np

from bench.exam.third_party.mapping.call import Call, lengths, rank
from bench.exam.third_party.mapping.windows import axes_of, fold, pad
from models.value import Value, emit


def max_pool(call: Call) -> Value:
    """The largest of each window."""
    axes = axes_of(call, call.x(), call.attribute("kernel_shape"))
    # below any finite number, so that padding never wins
    lowest = float(np.finfo(call.x().dtype).min)
    return fold(pad(call.x(), axes, lowest), axes, "maximum")


def average_pool(call: Call) -> Value:
    """The mean of each window.

    Padding counts where `count_include_pad` says so, what rounding up adds never does.
    """
    axes = axes_of(call, call.x(), call.attribute("kernel_shape"))
    sums = fold(pad(call.x(), axes, 0.0), axes, "add")
    # The number of elements that count in each window, by the same sliding over ones.
    counted = np.ones([1, 1])
    padding = call.flag("count_include_pad")
    for axis, length in zip(axes, lengths(call.x())[2:], strict=True):
        ends = (0, axis.extra) if padding else (axis.before, axis.after + axis.extra)
        inside = length + (axis.before + axis.after if padding else 0)
        row = np.pad(np.ones(inside), ends)
        counted = counted[..., None] * row
    return sums / fold(call.constant(counted, sums), axes, "add")


def lp_pool(call: Call) -> Value:
    """The p-norm of each window."""
    p = float(call.attribute("p", 2))
    axes = axes_of(call, call.x(), call.attribute("kernel_shape"))
    powers = emit("pow", emit("abs", call.x()), exponent=p)
    sums = fold(pad(powers, axes, 0.0), axes, "add")
    return emit("pow", sums, exponent=1 / p)


def everywhere(op: str, call: Call) -> Value:
    """A reduction over all spatial axes."""
    space = tuple(range(2, rank(call.x())))
    return emit(op, call.x(), axis=space, keepdims=True)


MAP = {
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda call: everywhere("mean", call),
    "GlobalMaxPool": lambda call: everywhere("max", call),
    "LpPool": lp_pool,
    "MaxPool": max_pool,
}

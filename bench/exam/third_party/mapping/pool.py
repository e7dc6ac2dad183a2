"""Pools: an extreme, a mean or a norm over sliding windows or over all of space."""

from __future__ import annotations

import numpy as np

from bench.exam.third_party.mapping.call import Call, lengths, rank
from bench.exam.third_party.mapping.windows import Axis, axes_of, fold, pad
from models.value import Value, emit


def max_pool(call: Call) -> Value:
    """The largest of each window."""
    axes = axes_of(call, call.x(), call.attribute("kernel_shape"))
    # below any finite number, so that padding never wins
    lowest = float(np.finfo(call.x().dtype).min)
    return fold(pad(call.x(), axes, lowest), axes, "maximum")


def average_pool(call: Call) -> Value:
    """The mean of each window; padding counts where `count_include_pad` says so, what
    rounding up adds never does.
    """
    axes = axes_of(call, call.x(), call.attribute("kernel_shape"))
    sums = fold(pad(call.x(), axes, 0.0), axes, "add")
    counted = np.ones(
        (
            1,
            1,
            *(
                _counted(axis, n, bool(call.attribute("count_include_pad", 0)))
                for axis, n in _sides(call, axes)
            ),
        )
    )
    widths = [(0, 0), (0, 0), *_around(call, axes)]
    return sums / fold(call.constant(np.pad(counted, widths), sums), axes, "add")


def _sides(call: Call, axes: list[Axis]) -> list[tuple[Axis, int]]:
    return list(zip(axes, lengths(call.x())[2:], strict=True))


def _counted(axis: Axis, length: int, with_padding: bool) -> int:
    """How many elements of a padded axis count."""
    return length + (axis.before + axis.after if with_padding else 0)


def _around(call: Call, axes: list[Axis]) -> list[tuple[int, int]]:
    """What does not count at both ends."""
    if call.attribute("count_include_pad", 0):
        return [(0, axis.extra) for axis in axes]
    return [(axis.before, axis.after + axis.extra) for axis in axes]


def lp_pool(call: Call) -> Value:
    """The p-norm of each window."""
    p = float(call.attribute("p", 2))
    axes = axes_of(call, call.x(), call.attribute("kernel_shape"))
    powers = emit("pow", emit("abs", call.x()), exponent=p)
    return emit("pow", fold(pad(powers, axes, 0.0), axes, "add"), exponent=1 / p)


def everywhere(op: str, call: Call) -> Value:
    """A reduction over all spatial axes."""
    return emit(op, call.x(), axis=tuple(range(2, rank(call.x()))), keepdims=True)


MAP = {
    "AveragePool": average_pool,
    "GlobalAveragePool": lambda call: everywhere("mean", call),
    "GlobalMaxPool": lambda call: everywhere("max", call),
    "LpPool": lp_pool,
    "MaxPool": max_pool,
}

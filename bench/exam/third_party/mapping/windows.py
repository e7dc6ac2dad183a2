"""How a kernel slides over the spatial axes: strides, dilations, padding of both ends.

Shared by convolutions and pools.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.exam.third_party.mapping.call import Call, lengths
from models.value import Value, emit


@dataclass(frozen=True)
class Axis:
    """The window along one spatial axis. `extra` is padding that only rounding up
    (ceil_mode) adds at the end.
    """

    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    extra: int = 0

    @property
    def reach(self) -> int:
        """Steps from the first to the last tap, both included."""
        return (self.kernel - 1) * self.dilation + 1


def axes_of(call: Call, x: Value, kernel: Sequence[int]) -> list[Axis]:
    """The windows of a node by its attributes."""
    space = lengths(x)[2:]
    ones, zeros = [1] * len(space), [0] * 2 * len(space)
    strides, dilations = call.attribute("strides", ones), call.attribute("dilations", ones)
    pads = call.attribute("pads", zeros)
    found = []
    for i, length in enumerate(space):
        axis = Axis(kernel[i], strides[i], dilations[i], pads[i], pads[i + len(space)])
        found.append(
            _rounded(
                _automatic(axis, length, call.attribute("auto_pad", "NOTSET")),
                length,
                bool(call.attribute("ceil_mode", 0)),
            )
        )
    return found


def _automatic(axis: Axis, length: int, mode: str) -> Axis:
    """SAME pads so that every stride gives a result, the odd element at the end (UPPER) or
    the start (LOWER).
    """
    if not mode.startswith("SAME"):
        return axis
    total = max((-(-length // axis.stride) - 1) * axis.stride + axis.reach - length, 0)
    small, large = total // 2, total - total // 2
    before, after = (small, large) if mode == "SAME_UPPER" else (large, small)
    return Axis(axis.kernel, axis.stride, axis.dilation, before, after)


def _rounded(axis: Axis, length: int, up: bool) -> Axis:
    """With ceil_mode a last window may hang over the end, if it starts before the padding
    at the end.
    """
    padded = length + axis.before + axis.after
    count = -(-(padded - axis.reach) // axis.stride) + 1
    if not up or (count - 1) * axis.stride >= length + axis.before:
        return axis
    extra = max((count - 1) * axis.stride + axis.reach - padded, 0)
    return Axis(axis.kernel, axis.stride, axis.dilation, axis.before, axis.after, extra)


def pad(x: Value, axes: Sequence[Axis], value: float) -> Value:
    """x with the padding of its windows."""
    for i, axis in enumerate(axes, start=2):
        x = x.pad(axis=i, before=axis.before, after=axis.after + axis.extra, value=value)
    return x


def fold(x: Value, axes: Sequence[Axis], op: str) -> Value:
    """Combine the taps of every window of a padded x: axis by axis, which the op must allow
    (a sum, an extreme).
    """
    for i, axis in enumerate(axes, start=2):
        span = (lengths(x)[i] - axis.reach) // axis.stride * axis.stride + 1
        result = None
        for tap in range(0, axis.reach, axis.dilation):
            part = x.slice(axis=i, start=tap, stop=tap + span, step=axis.stride)
            result = part if result is None else emit(op, result, part)
        x = result if result is not None else x
    return x

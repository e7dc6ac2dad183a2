"""How a kernel slides over the spatial axes: strides, dilations, padding of both ends.

Shared by convolutions and pools.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.exam.third_party.mapping.call import Call, lengths, total
from models.value import Value


@dataclass(frozen=True)
class Axis:
    """The window along one spatial axis."""

    kernel: int
    stride: int
    dilation: int
    before: int  # padding at the start
    after: int
    extra: int = 0  # padding that only rounding up (ceil_mode) adds at the end

    @property
    def reach(self) -> int:
        """Steps from the first to the last tap, both included."""
        return (self.kernel - 1) * self.dilation + 1


def axes_of(
    call: Call,
    x: Value,
    kernel: Sequence[int],
) -> list[Axis]:
    """The windows of a node by its attributes."""
    space = lengths(x)[2:]
    count = len(space)
    strides = call.each("strides", count, 1)
    dilations = call.each("dilations", count, 1)
    pads = call.each("pads", 2 * count, 0)  # all starts, then all ends
    mode = call.attribute("auto_pad", "NOTSET")
    found = []
    for i, length in enumerate(space):
        axis = Axis(
            kernel=kernel[i],
            stride=strides[i],
            dilation=dilations[i],
            before=pads[i],
            after=pads[i + count],
        )
        if mode.startswith("SAME"):
            axis = _same(axis, length, upper=mode == "SAME_UPPER")
        found.append(_rounded_up(axis, length) if call.flag("ceil_mode") else axis)
    return found


def _same(axis: Axis, length: int, *, upper: bool) -> Axis:
    """Padding by which every stride gives a result.

    The odd element is at the end (UPPER) or the start (LOWER).
    """
    count = -(-length // axis.stride)  # rounded up
    total = max((count - 1) * axis.stride + axis.reach - length, 0)
    small, large = total // 2, total - total // 2
    before, after = (small, large) if upper else (large, small)
    return replace(axis, before=before, after=after)


def _rounded_up(axis: Axis, length: int) -> Axis:
    """A last window may hang over the end, if it starts before the padding at the end."""
    padded = length + axis.before + axis.after
    count = -(-(padded - axis.reach) // axis.stride) + 1
    start = (count - 1) * axis.stride  # of the last window
    if start >= length + axis.before:
        return axis
    return replace(axis, extra=max(start + axis.reach - padded, 0))


def pad(x: Value, axes: Sequence[Axis], value: float) -> Value:
    """x with the padding of its windows."""
    for i, axis in enumerate(axes, start=2):
        after = axis.after + axis.extra
        x = x.pad(axis=i, before=axis.before, after=after, value=value)
    return x


def fold(x: Value, axes: Sequence[Axis], op: str) -> Value:
    """Combine the taps of every window of a padded x.

    Axis by axis, which the op must allow (a sum, an extreme).
    """
    for i, axis in enumerate(axes, start=2):
        # Tap by tap, that tap of all windows at once: a slice with the stride of the windows.
        # It ends with the last window that fits.
        last = (lengths(x)[i] - axis.reach) // axis.stride
        span = last * axis.stride + 1
        parts = [
            x.slice(axis=i, start=tap, stop=tap + span, step=axis.stride)
            for tap in range(0, axis.reach, axis.dilation)
        ]
        x = total(parts, op)
    return x

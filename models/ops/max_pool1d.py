"""y[b, c, t] = max_k x[b, c, t stride + k dilation - padding] over (batch, channels, time).

What lies outside counts as minus infinity. Of equal elements the first has all of the gradient,
and NaN is more than any other: PyTorch's conventions, where `max` shares the gradient.
"""

from __future__ import annotations

import numpy as np

from models.dims import Length, Shape, size
from models.nodes import FLOATS, Attributes
from models.ops import Array, Op, Shapes
from models.ops._cases import Case, Rng, case, integers, lengths, one
from models.ops.conv import shape as _conv_shape
from models.value import Value, emit

_OUTSIDE = float("-inf")


def max_pool1d(
    x: Value,
    *,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
) -> Value:
    """The largest of each window of time; x is (batch, channels, time)."""
    return emit(
        "max_pool1d",
        x,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
    )


def shape(
    x: Shape,
    *,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
) -> Shape:
    if len(x) != 3:
        raise ValueError("max_pool1d needs (batch, channels, time)")
    if min(kernel, stride, dilation) < 1:
        raise ValueError(
            f"kernel {kernel}, stride {stride} and dilation {dilation} must be 1 or more"
        )
    if not 0 <= 2 * padding <= kernel:
        raise ValueError(
            f"padding {padding} must be 0 or more, and at most half of kernel {kernel}"
        )
    # each channel is pooled alone, in as many steps as one filter takes
    filters = (x[1], x[1], kernel)
    space = {"stride": (stride,), "dilation": (dilation,), "padding": (padding,)}
    return _conv_shape(x, filters, **space)


def dtype(x: str, **attributes: int) -> str:
    if x not in FLOATS:
        raise ValueError(f"max_pool1d takes floats, not {x}, which has no infinity")
    return x


def reference(
    x: Array,
    *,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
) -> Array:
    ends = [(0, 0), (0, 0), (padding, padding)]
    padded = np.pad(x, ends, constant_values=_OUTSIDE)
    reach = (kernel - 1) * dilation + 1
    windows = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=2)
    return windows[:, :, ::stride, ::dilation].max(-1)


def body(
    x: Value,
    *,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
) -> Value:
    ends = {"before": padding, "after": padding}
    padded = x.pad(axis=2, **ends, value=_OUTSIDE)
    # so many steps before the last window begins
    span = padded.shape[2] - (kernel - 1) * dilation
    best: Value | None = None
    for tap in range(kernel):
        start = tap * dilation
        later = padded.slice(axis=2, start=start, stop=start + span, step=stride)
        best = later if best is None else _larger(best, later)
    assert best is not None
    return best


def _larger(best: Value, later: Value) -> Value:
    """The later one only where it is more, or no number."""
    more = emit("greater", later, best)
    lost = emit("not_equal", later, later)
    return emit("where", emit("logical_or", more, lost), later, best)


def flops(outputs: Shapes, inputs: Shapes, attributes: Attributes) -> Length:
    return size(outputs[0]) * (attributes["kernel"] - 1)


def random(rng: Rng, rank: int, example: Case) -> Case:
    kernel, stride, dilation = integers(rng.integers(1, 4, 3))
    reach = (kernel - 1) * dilation + 1
    padding = one(rng, 0, kernel // 2 + 1)
    lead = lengths(rng, 2, least=1)
    # a window at least
    time = max(1, reach - 2 * padding) + one(rng, 0, 4)
    return example.redrawn(
        (*lead, time), kernel=kernel, stride=stride, padding=padding, dilation=dilation
    )


CASES = tuple(
    case(
        x,
        kernel=kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        draws=("apart",),
    )
    for x, kernel, stride, padding, dilation in (
        ((2, 3, 9), 3, 2, 1, 1),
        ((2, 3, 9), 1, 3, 0, 1),  # no window, but a stride
        ((2, 3, 10), 3, 3, 1, 2),
        ((1, 2, 7), 2, 1, 0, 3),
        ((3, 2, 6), 4, 2, 2, 1),
    )
)
OPS = {
    "max_pool1d": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=flops,
        method=max_pool1d,
        body=body,
        dtype=dtype,
        random=random,
    )
}

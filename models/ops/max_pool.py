"""y[b, c, t] = max_k x[b, c, t stride + k dilation - padding] over (batch, channels, *space).

What lies outside counts as minus infinity. Of equal elements the first, in rows, has all of the
gradient, and NaN is more than any other: PyTorch's conventions, where `max` shares the gradient.
"""

from __future__ import annotations

import math
from typing import Any

from models.dims import Length, Shape, size
from models.nodes import FLOATS, Attributes
from models.ops import Array, Op, Shapes
from models.ops._cases import Case, Ints, Rng, case, integers, lengths, one
from models.ops.conv import shape as _conv_shape
from models.ops.conv import windows
from models.ops.reduce import largest_lead
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
    return _pooled(
        x, 1, kernel=kernel, stride=stride, padding=padding, dilation=dilation
    )


def max_pool2d(
    x: Value,
    *,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
) -> Value:
    """The largest of each square window; x is (batch, channels, height, width)."""
    return _pooled(
        x, 2, kernel=kernel, stride=stride, padding=padding, dilation=dilation
    )


def _pooled(
    x: Value,
    space: int,
    **numbers: int,
) -> Value:
    return emit("max_pool", x, **{name: (n,) * space for name, n in numbers.items()})


def shape(
    x: Shape,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> Shape:
    space = len(kernel)
    if len(x) != space + 2:
        raise ValueError(f"max_pool over {space} axes needs (batch, channels, ...)")
    # each channel is pooled alone, in as many steps as one filter takes
    filters = (x[1], x[1], *kernel)
    found = _conv_shape(x, filters, stride=stride, dilation=dilation, padding=padding)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"padding {padding} must be at most half of kernel {kernel}")
    return found


def dtype(x: str, **attributes: Ints) -> str:
    if x not in FLOATS:
        raise ValueError(f"max_pool takes floats, not {x}, which has no infinity")
    return x


def reference(x: Array, **attributes: Ints) -> Array:
    taken = _taken(x, **attributes)
    return taken.max(tuple(range(x.ndim, taken.ndim)))


def kinks(x: Array, **attributes: Ints) -> Array:
    taken = _taken(x, **attributes)
    return largest_lead(taken, tuple(range(x.ndim, taken.ndim)))


def _taken(
    x: Array,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> Array:
    return windows(
        x, kernel, stride=stride, dilation=dilation, padding=padding, outside=_OUTSIDE
    )


def body(
    x: Value,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> Value:
    # the last axis first: of equal elements, the first row that has one has the first of them
    for i in reversed(range(len(kernel))):
        x = _along(x, 2 + i, kernel[i], stride[i], padding[i], dilation[i])
    return x


def _along(
    x: Value,
    axis: int,
    kernel: int,
    stride: int,
    padding: int,
    dilation: int,
) -> Value:
    """The largest of each window on one axis."""
    padded = x.pad(axis=axis, before=padding, after=padding, value=_OUTSIDE)
    # so many steps before the last window begins
    span = padded.shape[axis] - (kernel - 1) * dilation
    best: Value | None = None
    for tap in range(kernel):
        start = tap * dilation
        later = padded.slice(axis=axis, start=start, stop=start + span, step=stride)
        best = later if best is None else _larger(best, later)
    assert best is not None
    return best


def _larger(best: Value, later: Value) -> Value:
    """The later one only where it is more, or no number."""
    more = emit("greater", later, best)
    lost = emit("not_equal", later, later)
    return emit("where", emit("logical_or", more, lost), later, best)


def flops(
    outputs: Shapes,
    inputs: Shapes,
    attributes: Attributes,
) -> Length:
    return size(outputs[0]) * (math.prod(attributes["kernel"]) - 1)


def random(
    rng: Rng,
    rank: int,
    example: Case,
) -> Case:
    space = max(1, rank - 2)
    kernel, stride, dilation = (integers(rng.integers(1, 4, space)) for _ in range(3))
    padding = tuple(one(rng, 0, k // 2 + 1) for k in kernel)
    lead = lengths(rng, 2, least=1)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    # a window at least
    least = [max(1, r - 2 * p) for r, p in zip(reach, padding, strict=True)]
    x = (*lead, *(n + one(rng, 0, 4) for n in least))
    return example.redrawn(
        x, kernel=kernel, stride=stride, padding=padding, dilation=dilation
    )


def _case(x: Ints, **numbers: Any) -> Case:
    return case(x, draws=("apart",), **numbers)


CASES = (
    _case((2, 3, 9), kernel=(3,), stride=(2,), padding=(1,), dilation=(1,)),
    # the pooling of a ResNet
    _case((2, 3, 7, 8), kernel=(3, 3), stride=(2, 2), padding=(1, 1), dilation=(1, 1)),
    # no window, but a stride
    _case((2, 3, 9), kernel=(1,), stride=(3,), padding=(0,), dilation=(1,)),
    # two axes that differ in all: none may be taken for the other
    _case((2, 2, 9, 7), kernel=(3, 2), stride=(1, 3), padding=(1, 0), dilation=(2, 1)),
    _case((1, 2, 7), kernel=(2,), stride=(1,), padding=(0,), dilation=(3,)),
    _case((3, 2, 6), kernel=(4,), stride=(2,), padding=(2,), dilation=(1,)),
)
OPS = {
    "max_pool": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=flops,
        body=body,
        dtype=dtype,
        random=random,
        kinks=kinks,
    )
}
METHODS = {"max_pool1d": max_pool1d, "max_pool2d": max_pool2d}

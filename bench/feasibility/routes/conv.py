"""conv by slices and products: y = sum over the kernel's places k of weight[k] x[shifted by k].

For each place a slice of the padded x, stepped by the stride, is multiplied with the weights that
stand there: as many matrix products as the kernel has places.
"""

from __future__ import annotations

from itertools import product

from models import ops
from models.dims import Length, size
from models.value import Value

Ints = tuple[int, ...]

ABOUT = "padded slices and a matrix product for each place of the kernel"
ERROR = 0.0


def route(
    x: Value,
    weight: Value,
    *bias: Value,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
) -> Value:
    """x (batch, in, *space), weight (out, in, *kernel) -> (batch, out, *steps)."""
    given = {"stride": stride, "dilation": dilation, "padding": padding}
    steps = ops.get("conv").shape(x.shape, weight.shape, **given)[2:]
    padded = x
    for i, width in enumerate(padding):
        if width:
            padded = padded.pad(axis=2 + i, before=width, after=width, value=0.0)
    kernel = weight.shape[2:]
    total: Value | None = None
    for place in product(*map(range, kernel)):  # type: ignore[arg-type]
        seen = _shifted(padded, place, steps, stride, dilation)
        part = _weights(weight, place) @ seen
        total = part if total is None else total + part
    assert total is not None  # a kernel has a place at least
    flat = total + bias[0].reshape((-1, 1)) if bias else total
    return flat.reshape((x.shape[0], weight.shape[0], *steps))


def _shifted(
    x: Value,
    place: Ints,
    steps: tuple[Length, ...],
    stride: Ints,
    dilation: Ints,
) -> Value:
    """What one place of the kernel sees: (batch, in, all steps)."""
    for i, at in enumerate(place):
        start = at * dilation[i]
        stop = start + (steps[i] - 1) * stride[i] + 1
        x = x.slice(axis=2 + i, start=start, stop=stop, step=stride[i])
    return x.reshape((x.shape[0], x.shape[1], size(steps)))


def _weights(weight: Value, place: Ints) -> Value:
    """The weights that stand at one place: (out, in)."""
    for i, at in enumerate(place):
        weight = weight.slice(axis=2 + i, start=at, stop=at + 1, step=1)
    return weight.reshape(weight.shape[:2])

"""Convolution over any number of spatial axes, and its transpose.

conv: y[b, o, t] = sum_{i, k} weight[o, i, k] x[b, i, t stride + k dilation - padding] (+
bias[o]). conv_transpose is its transpose in x, weight laid out alike: y[b, i, t stride + k
dilation - padding] += weight[o, i, k] x[b, o, t]. Layouts are PyTorch's: x (batch, channels,
*space), weight (out, in, *kernel). Padding is explicit: SAME and VALID mean different things
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from models.dims import Length, Shape, fixed, size
from models.nodes import Attributes
from models.ops import Array, Op, Shapes
from models.ops._cases import Case, Ints, Rng, case, integers, lengths, one
from models.ops._conv_layers import conv1d, conv2d, conv_transpose2d
from models.value import Value, emit

Layer = tuple[Ints, Ints, dict[str, Any]]  # x, weight, attributes
_ALL = np.s_[:]  # of batch and channels


def _length(
    length: Length,
    kernel: Length,
    stride: int,
    dilation: int,
    padding: int,
) -> Length:
    reach = (kernel - 1) * dilation
    span = length + 2 * padding - reach - 1
    if isinstance(span, int) and span < 0:
        raise ValueError(
            f"length {length} with padding {padding} is shorter than the kernel's reach"
            f" {reach + 1}"
        )
    # rounded down: what is left behind the last stride is not looked at
    return span // stride + 1


def shape(
    x: Shape,
    weight: Shape,
    *bias: Shape,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
) -> Shape:
    space = len(stride)
    if not len(x) == len(weight) == space + 2 or x[1] != weight[1]:
        raise ValueError(
            f"conv over {space} axes needs x (batch, in, ...) and weight (out, in, ...)"
            " with equal `in`"
        )
    if bias and bias[0] != (weight[0],):
        raise ValueError(f"the bias must have shape ({weight[0]},)")
    _hold(weight[2:], stride, dilation, padding)
    return (
        x[0],
        weight[0],
        *map(_length, x[2:], weight[2:], stride, dilation, padding),
    )


def _hold(kernel: Shape, stride: Ints, dilation: Ints, padding: Ints) -> None:
    """Raise ValueError for a number that means nothing to a window."""
    for name, numbers, least in (
        ("kernel", kernel, 1),
        ("stride", stride, 1),
        ("dilation", dilation, 1),
        ("padding", padding, 0),
    ):
        if len(numbers) != len(stride):
            raise ValueError(f"{name} {numbers} must have {len(stride)} numbers")
        if any(isinstance(n, int) and n < least for n in numbers):
            raise ValueError(f"{name} {numbers} must be {least} or more")


def windows(
    x: Array,
    kernel: Ints,
    *,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
    outside: float,
) -> Array:
    """What a kernel sees at each of its steps: (batch, channels, *steps, *kernel), a view.

    The padding around x is of the number `outside`.
    """
    ends = [(0, 0), (0, 0), *((p, p) for p in padding)]
    padded = np.pad(x, ends, constant_values=outside)
    space = tuple(range(2, x.ndim))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    found = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=space)
    # every stride-th window, and of each every dilation-th element
    strides = [np.s_[::s] for s in stride]
    dilations = [np.s_[::d] for d in dilation]
    return found[(_ALL, _ALL, *strides, *dilations)]


def reference(
    x: Array,
    weight: Array,
    *bias: Array,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
) -> Array:
    space = len(stride)
    taken = windows(
        x,
        weight.shape[2:],
        stride=stride,
        dilation=dilation,
        padding=padding,
        outside=0.0,
    )
    # (in, *kernel) of both
    of_windows = [1, *range(2 + space, 2 + 2 * space)]
    of_weight = list(range(1, 2 + space))
    product = np.tensordot(taken, weight, (of_windows, of_weight))
    # it leaves (batch, *space, out)
    out = np.moveaxis(product, -1, 1)
    if not bias:
        return out
    ones = (1,) * space
    return out + bias[0].reshape(-1, *ones)


def vjp(
    grad: Value,
    out: Value,
    x: Value,
    weight: Value,
    *bias: Value,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
) -> tuple[Value, ...]:
    to_x = emit(
        "conv_transpose",
        grad,
        weight,
        stride=stride,
        dilation=dilation,
        padding=padding,
        # the stride rounds down, so the length of x does not follow from that of the result
        length=x.shape[2:],
    )
    axes = (0, *range(2, len(x.shape)))
    to_bias = [grad.sum(axis=axes, keepdims=False) for _ in bias]
    return to_x, _weight_gradient(grad, x, weight, stride, dilation, padding), *to_bias


def _weight_gradient(
    grad: Value,
    x: Value,
    weight: Value,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
) -> Value:
    """Correlate x with grad: batch and channels change places, so do stride and dilation."""
    swap = (1, 0, *range(2, len(x.shape)))
    full = emit(
        "conv",
        x.permute_dims(swap),
        grad.permute_dims(swap),
        stride=dilation,
        dilation=stride,
        padding=padding,
    )
    for axis in range(2, len(x.shape)):
        # the last steps of x that no stride reached
        if full.shape[axis] != weight.shape[axis]:
            full = emit(
                "slice", full, axis=axis, start=0, stop=weight.shape[axis], step=1
            )
    return full.permute_dims(swap)


def _transpose_shape(
    x: Shape,
    weight: Shape,
    *,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
    length: Shape,
) -> Shape:
    out = (x[0], weight[1], *length)
    due = shape(out, weight, stride=stride, dilation=dilation, padding=padding)
    if x != due:
        raise ValueError(
            f"conv of length ({', '.join(map(str, length))}) gives"
            f" ({', '.join(map(str, due))}), so its transpose starts there"
        )
    return out


def _transpose(
    x: Array,
    weight: Array,
    *,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
    length: Ints,
) -> Array:
    ends = zip(length, padding, strict=True)
    full = [n + 2 * p for n, p in ends]
    out = np.zeros((x.shape[0], weight.shape[1], *full), x.dtype)
    # each tap of the kernel adds all of x, moved by its dilation and spread by the stride
    for tap in np.ndindex(weight.shape[2:]):
        rows = zip(tap, stride, dilation, x.shape[2:], strict=True)
        target = [np.s_[k * d : k * d + (n - 1) * s + 1 : s] for k, s, d, n in rows]
        taps = weight[(_ALL, _ALL, *tap)]
        product = np.tensordot(x, taps, ((1,), (0,)))
        out[(_ALL, _ALL, *target)] += np.moveaxis(product, -1, 1)
    # the padding was never there
    kept = zip(padding, length, strict=True)
    inner = [np.s_[p : p + n] for p, n in kept]
    return out[(_ALL, _ALL, *inner)]


def _transpose_vjp(
    grad: Value,
    out: Value,
    x: Value,
    weight: Value,
    *,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
    length: Shape,
) -> tuple[Value, Value]:
    to_x = emit("conv", grad, weight, stride=stride, dilation=dilation, padding=padding)
    # x and the gradient have changed roles
    return to_x, _weight_gradient(x, grad, weight, stride, dilation, padding)


def flops(outputs: Shapes, inputs: Shapes, attributes: Attributes) -> Length:
    # each element of the result is one product over (in, *kernel)
    return size(outputs[0]) * size(inputs[1][1:]) * 2


def _transpose_flops(outputs: Shapes, inputs: Shapes, attributes: Attributes) -> Length:
    # each element of the input goes through all of (in, *kernel)
    return size(inputs[0]) * size(inputs[1][1:]) * 2


def _drawn(rng: Rng, rank: int) -> Layer:
    """x, weight and attributes over one to three axes, each long enough for the kernel."""
    space = max(1, rank - 2)
    kernel = integers(rng.integers(1, 4, space))
    stride = integers(rng.integers(1, 4, space))
    dilation = integers(rng.integers(1, 4, space))
    padding = integers(rng.integers(0, 3, space))
    taps = zip(kernel, dilation, padding, strict=True)
    least = [max(1, (k - 1) * d + 1 - 2 * p) for k, d, p in taps]
    batch, inner, out = lengths(rng, 3, least=1)
    space_of_x = [n + one(rng, 0, 4) for n in least]
    x = (batch, inner, *space_of_x)
    attributes = {"stride": stride, "dilation": dilation, "padding": padding}
    return x, (out, inner, *kernel), attributes


def random(rng: Rng, rank: int, example: Case) -> Case:
    x, weight, attributes = _drawn(rng, rank)
    # with a bias where the example has one
    shapes = (x, weight, weight[:1])[: len(example.shapes)]
    return example.redrawn(*shapes, **attributes)


def _random_transpose(rng: Rng, rank: int, example: Case) -> Case:
    """From what a convolution gives back to what it was given."""
    x, weight, attributes = _drawn(rng, rank)
    start = _result(x, weight, attributes)
    return example.redrawn(start, weight, **attributes, length=x[2:])


def _result(x: Ints, weight: Ints, attributes: dict[str, Any]) -> Ints:
    """What a convolution gives, in numbers."""
    found = shape(x, weight, **attributes)
    return tuple(fixed(n) for n in found)


def _layer(x: Ints, weight: Ints, stride: int, dilation: int, padding: int) -> Layer:
    """One that has the same numbers along every axis."""
    space = len(x) - 2
    attributes = {
        "stride": (stride,) * space,
        "dilation": (dilation,) * space,
        "padding": (padding,) * space,
    }
    return x, weight, attributes


_LAYERS = (
    _layer((2, 3, 9), (4, 3, 3), 1, 1, 0),
    # two axes that differ in all: none may be taken for the other
    (
        (2, 2, 6, 8),
        (3, 2, 3, 2),
        {"stride": (2, 3), "dilation": (1, 2), "padding": (1, 2)},
    ),
    # the layers of VideoPose3D: strided, and dilated
    _layer((2, 3, 9), (4, 3, 3), 3, 1, 0),
    _layer((2, 3, 9), (4, 3, 3), 1, 3, 0),
    _layer((2, 3, 10), (4, 3, 3), 3, 1, 1),
    _layer((2, 3, 5), (4, 3, 1), 1, 1, 0),
    # more steps than a backend may write as products
    _layer((2, 2, 14), (3, 2, 3), 1, 2, 1),
    # all three at once, which not every framework has a kernel for
    _layer((1, 1, 8), (1, 1, 2), 2, 3, 2),
)


def _cases() -> Iterator[Case]:
    first, *others = _LAYERS
    for i, (x, weight, attributes) in enumerate((first, *others, *others, first)):
        # each without a bias and with one
        shapes = (x, weight, weight[:1])
        biased = 1 <= i <= len(others) or i == len(others) * 2 + 1
        yield case(*(shapes if biased else shapes[:2]), **attributes)


def _transposed() -> Iterator[Case]:
    for x, weight, attributes in _LAYERS:
        start = _result(x, weight, attributes)
        yield case(start, weight, **attributes, length=x[2:])


OPS = {
    "conv": Op(
        shape=shape,
        reference=reference,
        cases=tuple(_cases()),
        flops=flops,
        vjp=vjp,
        precision="product",
        random=random,
    ),
    "conv_transpose": Op(
        shape=_transpose_shape,
        reference=_transpose,
        cases=tuple(_transposed()),
        flops=_transpose_flops,
        vjp=_transpose_vjp,
        precision="product",
        random=_random_transpose,
    ),
}
METHODS: dict[str, Callable[..., Value]] = {
    "conv1d": conv1d,
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
}

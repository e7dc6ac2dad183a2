"""conv: y[b, o, t] = sum_{i, k} weight[o, i, k] x[b, i, t stride + k dilation - padding] (+
bias[o]); any number of spatial axes.

conv_transpose is its transpose in x, weight laid out alike: y[b, i, t stride + k dilation -
padding] += weight[o, i, k] x[b, o, t]. Layouts are PyTorch's: x (batch, channels, *space),
weight (out, in, *kernel). Padding is explicit: SAME and VALID mean different things
elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.dims import Length, Shape, size
from models.ops import Case, Op
from models.value import Value, emit

Ints = tuple[int, ...]


def conv1d(
    x: Value,
    width: int,
    *,
    kernel: int,
    stride: int,
    dilation: int,
    padding: int,
    bias: bool,
    name: str,
) -> Value:
    """Convolution over the last axis of x (batch, channels, time) with weights of its own,
    initialised as torch.nn.Conv1d.
    """
    channels = int(str(x.shape[1]))
    bound = (channels * kernel) ** -0.5
    weight = x.graph.param(
        f"{name}.weight", (width, channels, kernel), init=("uniform", bound)
    )
    extra = (
        (x.graph.param(f"{name}.bias", (width,), init=("uniform", bound)),) if bias else ()
    )
    return emit(
        "conv",
        x,
        weight,
        *extra,
        stride=(stride,),
        dilation=(dilation,),
        padding=(padding,),
    )


def _length(
    length: Length, kernel: Length, stride: int, dilation: int, padding: int
) -> Length:
    reach = (kernel - 1) * dilation
    span = length + 2 * padding - reach - 1
    if isinstance(span, int) and span < 0:
        raise ValueError(
            f"length {length} with padding {padding} is shorter than the kernel's reach"
            f" {reach + 1}"
        )
    return span // stride + 1


def shape(
    x: Shape, weight: Shape, *bias: Shape, stride: Ints, dilation: Ints, padding: Ints
) -> Shape:
    space = len(stride)
    if not len(x) == len(weight) == space + 2 or x[1] != weight[1]:
        raise ValueError(
            f"conv over {space} axes needs x (batch, in, ...) and weight (out, in, ...)"
            " with equal `in`"
        )
    if bias and bias[0] != (weight[0],):
        raise ValueError(f"the bias must have shape ({weight[0]},)")
    return (x[0], weight[0], *map(_length, x[2:], weight[2:], stride, dilation, padding))


def reference(
    x: np.ndarray,
    weight: np.ndarray,
    *bias: np.ndarray,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
) -> np.ndarray:
    space = len(stride)
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    reach = tuple((k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, reach, axis=tuple(range(2, 2 + space))
    )
    windows = windows[
        (np.s_[:], np.s_[:], *(np.s_[::s] for s in stride), *(np.s_[::d] for d in dilation))
    ]
    axes = [1, *range(2 + space, 2 + 2 * space)]
    out = np.moveaxis(
        np.tensordot(windows, weight, (axes, list(range(1, 2 + space)))), -1, 1
    )
    return out + bias[0].reshape(-1, *(1,) * space) if bias else out


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
    spatial = range(2, len(x.shape))
    to_x = emit(
        "conv_transpose",
        grad,
        weight,
        stride=stride,
        dilation=dilation,
        padding=padding,
        length=x.shape[2:],
    )
    to_bias = tuple(grad.sum(axis=(0, *spatial), keepdims=False) for _ in bias)
    return to_x, _weight_gradient(grad, x, weight, stride, dilation, padding), *to_bias


def _weight_gradient(
    grad: Value, x: Value, weight: Value, stride: Ints, dilation: Ints, padding: Ints
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
            full = emit("slice", full, axis=axis, start=0, stop=weight.shape[axis], step=1)
    return full.permute_dims(swap)


def _transpose_shape(
    x: Shape, weight: Shape, *, stride: Ints, dilation: Ints, padding: Ints, length: Shape
) -> Shape:
    due = shape(
        (x[0], weight[1], *length),
        weight,
        stride=stride,
        dilation=dilation,
        padding=padding,
    )
    if x != due:
        raise ValueError(
            f"conv of length ({', '.join(map(str, length))}) gives"
            f" ({', '.join(map(str, due))}), so its transpose starts there"
        )
    return (x[0], weight[1], *length)


def _transpose(
    x: np.ndarray,
    weight: np.ndarray,
    *,
    stride: Ints,
    dilation: Ints,
    padding: Ints,
    length: Ints,
) -> np.ndarray:
    full = tuple(n + 2 * p for n, p in zip(length, padding, strict=True))
    out = np.zeros((x.shape[0], weight.shape[1], *full), x.dtype)
    for tap in np.ndindex(weight.shape[2:]):
        rows = zip(tap, stride, dilation, x.shape[2:], strict=True)
        target = tuple(np.s_[k * d : k * d + (n - 1) * s + 1 : s] for k, s, d, n in rows)
        taps = weight[(np.s_[:], np.s_[:], *tap)]
        out[(np.s_[:], np.s_[:], *target)] += np.moveaxis(
            np.tensordot(x, taps, ((1,), (0,))), -1, 1
        )
    return out[
        (
            np.s_[:],
            np.s_[:],
            *(np.s_[p : p + n] for p, n in zip(padding, length, strict=True)),
        )
    ]


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
    return to_x, _weight_gradient(x, grad, weight, stride, dilation, padding)


def flops(
    outputs: Sequence[Shape], inputs: Sequence[Shape], attributes: Mapping[str, Any]
) -> Length:
    return size(outputs[0]) * size(inputs[1][1:]) * 2


def _transpose_flops(
    outputs: Sequence[Shape], inputs: Sequence[Shape], attributes: Mapping[str, Any]
) -> Length:
    return size(inputs[0]) * size(inputs[1][1:]) * 2


_ROWS: tuple[tuple[tuple[int, ...], tuple[int, ...], Ints, Ints, Ints], ...] = (
    ((2, 3, 9), (4, 3, 3), (1,), (1,), (0,)),
    ((2, 3, 9), (4, 3, 3), (3,), (1,), (0,)),
    ((2, 3, 9), (4, 3, 3), (1,), (3,), (0,)),
    ((2, 3, 10), (4, 3, 3), (3,), (1,), (1,)),
    ((2, 3, 5), (4, 3, 1), (1,), (1,), (0,)),
    ((1, 1, 8), (1, 1, 2), (2,), (3,), (2,)),
    ((2, 2, 6, 5), (3, 2, 3, 3), (2, 1), (1, 1), (1, 1)),
)
_CASES = tuple(
    Case((x, w, *((w[0],),) * bias), {"stride": s, "dilation": d, "padding": p})
    for x, w, s, d, p in _ROWS
    for bias in (0, 1)
)


def _transposed_case(
    x: tuple[int, ...], w: tuple[int, ...], s: Ints, d: Ints, p: Ints
) -> Case:
    start = tuple(int(str(n)) for n in shape(x, w, stride=s, dilation=d, padding=p))
    return Case((start, w), {"stride": s, "dilation": d, "padding": p, "length": x[2:]})


OPS = {
    "conv": Op(shape, reference, _CASES, flops, vjp=vjp, precision="product"),
    "conv_transpose": Op(
        _transpose_shape,
        _transpose,
        tuple(_transposed_case(*row) for row in _ROWS),
        _transpose_flops,
        vjp=_transpose_vjp,
        precision="product",
    ),
}
METHODS = {"conv1d": conv1d}

"""Convolutions that take few steps, and their transposes, as one matrix product a step.

ONNX Runtime lays out what each sample's kernel sees and multiplies that by the weight: with three
steps a sample these are products of three columns, some ten times slower than one product over all
samples. The gradient of a weight is such a convolution (its kernel is as large as the picture), and
so are VideoPose3D's strided layers in training.
"""

from __future__ import annotations

from itertools import product
from math import prod

from backends.onnx.nodes import Ints, Writer, ints
from models import ops
from models.dims import Shape

MOST = 9  # steps: of a gradient, the places of a kernel of 3 x 3


def steps(w: Writer, x: str, weight: str, strides: tuple[Ints, Ints, Ints]) -> Ints:
    """How many steps are taken along each axis, where they are few; else nothing.

    Of other types than float32 nothing either: ONNX Runtime lacks kernels there.
    """
    stride, dilation, padding = strides
    types = w.type(x), w.type(weight)
    if any(type_.dtype != "float32" for type_ in types):
        return ()
    shapes = [type_.shape for type_ in types]
    (_, _, *found) = ops.get("conv").shape(
        *shapes, stride=stride, dilation=dilation, padding=padding
    )
    counts = tuple(n for n in found if isinstance(n, int))
    few = len(counts) == len(found) and 0 < prod(counts) <= MOST
    return counts if few and _rows(*shapes) and 0 not in shapes[0] else ()


def _rows(x: Shape, weight: Shape) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Lengths of both sides of the product; -1, in each, is of what grows with the batch.

    None where nothing else is known: of no samples -1 says nothing then.
    """
    inner, out = weight[1:], weight[0]
    if all(isinstance(n, int) for n in inner) and isinstance(out, int):
        size = prod(n for n in inner if isinstance(n, int))
        return (-1, size), (out, size)
    if isinstance(x[0], int) and isinstance(out, int):
        return (x[0], -1), (out, -1)
    return None


def conv(
    w: Writer,
    x: str,
    weight: str,
    *bias: str,
    strides: tuple[Ints, Ints, Ints],
    counts: Ints,
) -> str:
    """`counts` steps, each the samples (batch, in * kernel) by the weight (out, in * kernel)."""
    stride, dilation, padding = strides
    kernel = w.type(weight).shape[2:]
    rows = _rows(w.type(x).shape, w.type(weight).shape)
    assert rows, "`steps` has seen to it"
    of_x, of_weight = (ints(w, *lengths) for lengths in rows)
    x = _padded(w, x, padding)
    flat = w.node("Reshape", weight, of_weight)
    axes = ints(w, *range(2, 2 + len(counts)))
    found = []
    for step in product(*map(range, counts)):
        first = [i * s for i, s in zip(step, stride, strict=True)]
        reach = zip(first, kernel, dilation, strict=True)
        ends = [start + (k - 1) * d + 1 for start, k, d in reach]
        starts = ints(w, *first)
        seen = w.node("Slice", x, starts, w.lengths(ends), axes, ints(w, *dilation))
        seen = w.node("Reshape", seen, of_x)
        found.append(w.node("Gemm", seen, flat, *bias, transB=1))
    return _together(w, found, counts)


def apart(w: Writer, x: str, weight: str, strides: tuple[Ints, Ints, Ints]) -> Ints:
    """Steps of a transposed convolution of one axis whose results lie side by side, if few."""
    stride, dilation, padding = strides
    x_type, weight_type = w.type(x), w.type(weight)
    kernel, counts = weight_type.shape[2:], x_type.shape[2:]
    beside = kernel == stride and not any(padding) and max(dilation) == 1
    empty = 0 in (*x_type.shape, *weight_type.shape)
    if not beside or len(counts) > 1 or empty:
        return ()
    if x_type.dtype != "float32" or weight_type.dtype != "float32":
        return ()
    return tuple(n for n in counts if isinstance(n, int) and n <= MOST)


def _padded(w: Writer, x: str, padding: Ints) -> str:
    if not any(padding):
        return x
    # of all axes, before and after: batch and channels have none
    ends = (0, 0, *padding)
    return w.node("Pad", x, ints(w, *ends, *ends))


def _together(w: Writer, found: list[str], counts: Ints) -> str:
    """Results (batch, out) of each step -> (batch, out, *counts)."""
    last = ints(w, 2)
    parts = [w.node("Unsqueeze", each, last) for each in found]
    joined = parts[0] if len(parts) == 1 else w.node("Concat", *parts, axis=2)
    return w.node("Reshape", joined, ints(w, 0, 0, *counts))


def conv_transpose(w: Writer, x: str, weight: str, counts: Ints) -> str:
    """Of one axis, where each step of x makes an output of its own and none overlap."""
    (kernel,) = w.type(weight).shape[2:]
    out = w.type(weight).shape[1]
    flat = w.node("Reshape", weight, ints(w, 0, -1))
    axis = ints(w, 2)
    parts = []
    for step in range(*counts):
        one = w.node("Slice", x, ints(w, step), ints(w, step + 1), axis)
        made = w.node("Gemm", w.node("Squeeze", one, axis), flat)
        parts.append(w.node("Reshape", made, w.lengths((-1, out, kernel))))
    return parts[0] if len(parts) == 1 else w.node("Concat", *parts, axis=2)

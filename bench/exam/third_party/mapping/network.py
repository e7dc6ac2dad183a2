"""Products and convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    NotMappable,
    cut,
    joined,
    lengths,
    rank,
    total,
    wide,
    zeros,
)
from bench.exam.third_party.mapping.windows import Axis, axes_of, pad
from models.ops.matmul import swap
from models.value import Value, emit


def matmul(call: Call) -> Value:
    """A matrix product; a row or a column is a matrix of one."""
    a, b = call.all()
    left = a.expand_dims(axis=0) if rank(a) == 1 else a
    right = b.expand_dims(axis=1) if rank(b) == 1 else b
    out = left @ right
    # the axes that were added go again; the row's stands before the column's
    if rank(b) == 1:
        out = out.squeeze(axis=-1)
    if rank(a) == 1:
        out = out.squeeze(axis=-1 if rank(b) == 1 else -2)
    return out


def gemm(call: Call) -> Value:
    """alpha a b + beta c, a and b transposed where asked; a transposed b is a linear layer."""
    a = call.x(0)
    b = call.x(1)
    a = swap(a) if call.flag("transA") else a
    out = emit("linear", a, b) if call.flag("transB") else a @ b
    alpha = call.attribute("alpha", 1.0)
    beta = call.attribute("beta", 1.0)
    # a factor of 1 is no node: it is the usual one
    out = out if alpha == 1 else out * alpha
    if not call.has(2):
        return out
    added = call.x(2)
    return out + (added if beta == 1 else added * beta)


def conv(call: Call) -> Value:
    """A convolution, padded first, as padding may differ at both ends; group by group."""
    x = call.x(0)
    weight = call.x(1)
    groups = call.attribute("group", 1)
    axes = axes_of(call, x, lengths(weight)[2:])
    parts = zip(x.split(groups, axis=1), weight.split(groups, axis=0), strict=True)
    outputs = [_conv(part, kernel, axes) for part, kernel in parts]
    return _biased(call, joined(outputs, axis=1))


def _conv(x: Value, weight: Value, axes: Sequence[Axis]) -> Value:
    padding = tuple(axis.before for axis in axes)
    if any(axis.before != axis.after for axis in axes):
        # the op pads both ends alike
        x = pad(x, axes, 0.0)
        padding = (0,) * len(axes)
    return emit(
        "conv",
        x,
        weight,
        stride=tuple(axis.stride for axis in axes),
        padding=padding,
        dilation=tuple(axis.dilation for axis in axes),
    )


def _biased(call: Call, out: Value) -> Value:
    """With the bias of each channel, if there is one."""
    if not call.has(2):
        return out
    return out + wide(call.x(2), axis=1, rank=rank(out))


def conv_transpose(call: Call) -> Value:
    """The transpose of a convolution: the whole reach of every input, cut at both ends."""
    x = call.x(0)
    weight = call.x(1)
    groups = call.attribute("group", 1)
    space = lengths(x)[2:]
    kernel = lengths(weight)[2:]
    count = len(kernel)
    stride = tuple(call.each("strides", count, 1))
    dilation = tuple(call.each("dilations", count, 1))
    # from the first tap of the first input to the last tap of the last
    full = []
    for i, n in enumerate(space):
        reach = (kernel[i] - 1) * dilation[i] + 1
        full.append((n - 1) * stride[i] + reach)
    parts = zip(x.split(groups, axis=1), weight.split(groups, axis=0), strict=True)
    whole = [
        emit(
            "conv_transpose",
            part,
            rows,
            stride=stride,
            padding=(0,) * count,
            dilation=dilation,
            length=tuple(full),
        )
        for part, rows in parts
    ]
    out = joined(whole, axis=1)
    for i, length in enumerate(full):
        out = _cut(call, out, i, length, space[i] * stride[i])
    return _biased(call, out)


def _cut(
    call: Call,
    out: Value,
    i: int,
    length: int,
    same: int,
) -> Value:
    """Take the padding off spatial axis `i` of full `length`.

    What is asked for beyond it is 0. `same` is the length that SAME gives.
    """
    count = rank(out) - 2
    mode = call.attribute("auto_pad", "NOTSET")
    pads = call.each("pads", 2 * count, 0)
    longer = length + call.each("output_padding", count, 0)[i]
    before = pads[i]
    due = longer - pads[i] - pads[i + count]
    if mode.startswith("SAME") or call.attribute("output_shape"):
        # The length is given and the padding follows from it; the odd element of it goes to
        # the end (UPPER) or to the start. A given shape may begin with batch and channels.
        due = call.each("output_shape", count, same)[-count:][i]
        off = max(longer - due, 0)
        before = off // 2 if mode == "SAME_UPPER" else off - off // 2
    axis = i + 2
    stop = min(before + due, length)
    part = cut(out, axis, before, stop)
    return zeros(part, axis, 0, due - (stop - before))


def dropout(call: Call) -> list[Value]:
    """Nothing is dropped outside training, nor at ratio 0."""
    # Before, training was no input of it, and the cases are of use.
    training = call.opset >= 12 and call.has(2) and bool(call.static(2))
    none_dropped = call.has(1) and float(call.static(1)) == 0
    if training and not none_dropped:
        raise NotMappable("random numbers of its own")
    kept = np.ones(lengths(call.x()), np.bool_)
    # the op that does nothing: a graph has no output that is an input
    out = emit("stop_gradient", call.x())
    return [out, call.constant(kept)] if call.wants(1) else [out]


def determinant(call: Call) -> Value:
    """ad - bc of a matrix of two rows."""
    x = call.x()
    if lengths(x)[-2:] != (2, 2):
        raise NotMappable("a determinant of more than two rows")
    upper, lower = x.unstack(axis=-2)
    a, b = upper.unstack(axis=-1)
    c, d = lower.unstack(axis=-1)
    return a * d - b * c


def col2im(call: Call) -> Value:
    """Columns of windows added up where they come from: the places are fixed by the shapes."""
    x = call.x()
    image = call.ints(1)
    block = call.ints(2)
    space = range(len(image))
    strides = call.each("strides", len(image), 1)
    dilations = call.each("dilations", len(image), 1)
    pads = call.each("pads", 2 * len(image), 0)
    ends = pads[len(image) :]
    padded = [n + pads[i] + ends[i] for i, n in enumerate(image)]
    taps = [np.arange(block[i]) * dilations[i] for i in space]
    # of windows whose last tap is still inside
    stops = [padded[i] - taps[i].max() for i in space]
    starts = [np.arange(0, stops[i], strides[i]) for i in space]
    # (taps of each axis, windows along each axis), which is the order of the columns
    grid = np.meshgrid(*taps, *starts, indexing="ij")
    coordinates = [grid[i] + grid[i + len(image)] for i in space]
    places = np.ravel_multi_index(coordinates, padded).reshape(-1)
    batch, columns = lengths(x)[:2]
    channels = columns // int(np.prod(block))
    rows = x.reshape((batch, channels, len(places)))
    index = call.constant(places).broadcast_to(rows.shape)
    length = int(np.prod(padded))
    sums = emit("scatter_add", rows, index, axis=2, length=length)
    out = sums.reshape((batch, channels, *padded))
    for i in space:
        out = cut(out, i + 2, pads[i], pads[i] + image[i])
    return out


def affine_grid(call: Call) -> Value:
    """Points of a regular grid over [-1, 1], moved by a matrix for each batch entry."""
    theta, (batch, _, *space) = call.x(), call.ints(1)
    # -1 and 1 are the centres of the outermost elements, or their outer edges
    if call.flag("align_corners"):
        lines = [np.linspace(-1, 1, n) for n in space]
    else:
        lines = [(2 * np.arange(n) + 1) / n - 1 for n in space]
    # A point is (x, y, 1): the last axis of the grid first, as in the matrix.
    coordinates = np.meshgrid(*lines, indexing="ij")[::-1]
    grid = np.stack([*coordinates, np.ones(space)], -1)
    points = call.constant(grid.reshape(-1, len(space) + 1), theta)
    moved = points @ swap(theta)
    return moved.reshape((batch, *space, len(space)))


def causal_conv(call: Call) -> list[Value]:
    """A convolution of each channel with its own kernel over the past only.

    The last inputs are the state of the next call.
    """
    x = call.x(0)
    weight = call.x(1)
    steps = lengths(x)[2]
    reach = lengths(weight)[2] - 1
    past = call.optional(3)
    if past is None:
        history = zeros(x, 2, reach, 0)
    else:
        history = past.concat(x, axis=2)
    # tap by tap: one kernel for each channel is no convolution of the language
    taps = weight.squeeze(axis=1).unstack(axis=1)
    parts = []
    for i, tap in enumerate(taps):
        seen = cut(history, 2, i, i + steps)
        parts.append(seen * tap.expand_dims(axis=1))
    out = total(parts, "add")
    if call.has(2):
        out = out + call.x(2).expand_dims(axis=1)
    if call.attribute("activation", "none") in ("silu", "swish"):  # two names of one
        out = out * out.sigmoid()
    return [out, cut(history, 2, steps, steps + reach)]


MAP = {
    "AffineGrid": affine_grid,
    "CausalConvWithState": causal_conv,
    "Col2Im": col2im,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Det": determinant,
    "Dropout": dropout,
    "Gemm": gemm,
    "MatMul": matmul,
}

"""Products and convolutions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    NotMappable,
    lengths,
    rank,
    total,
    wide,
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
    out = out.squeeze(axis=-1) if rank(b) == 1 else out
    return out.squeeze(axis=-2 if rank(b) > 1 else -1) if rank(a) == 1 else out


def gemm(call: Call) -> Value:
    """alpha a b + beta c, a and b transposed where asked; a transposed b is a linear layer."""
    a, b = call.x(0), call.x(1)
    a = swap(a) if call.attribute("transA", 0) else a
    out = emit("linear", a, b) if call.attribute("transB", 0) else a @ b
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    out = out if alpha == 1 else out * alpha
    return out + (call.x(2) if beta == 1 else call.x(2) * beta) if call.has(2) else out


def conv(call: Call) -> Value:
    """A convolution, padded first, as padding may differ at both ends; group by group."""
    x, weight, groups = call.x(0), call.x(1), call.attribute("group", 1)
    axes = axes_of(call, x, lengths(weight)[2:])
    parts = zip(x.split(groups, axis=1), weight.split(groups, axis=0), strict=True)
    return _joined(call, [_conv(part, kernel, axes) for part, kernel in parts])


def _conv(x: Value, weight: Value, axes: Sequence[Axis]) -> Value:
    attributes = {
        "stride": tuple(axis.stride for axis in axes),
        "dilation": tuple(axis.dilation for axis in axes),
    }
    ends = {(axis.before, axis.after) for axis in axes}
    if all(before == after for before, after in ends):
        return emit(
            "conv", x, weight, padding=tuple(axis.before for axis in axes), **attributes
        )
    return emit("conv", pad(x, axes, 0.0), weight, padding=(0,) * len(axes), **attributes)


def _joined(call: Call, parts: list[Value]) -> Value:
    """Groups side by side, and the bias of each channel."""
    out = parts[0].concat(*parts[1:], axis=1) if len(parts) > 1 else parts[0]
    return out + wide(call.x(2), axis=1, rank=rank(out)) if call.has(2) else out


def conv_transpose(call: Call) -> Value:
    """The transpose of a convolution: the whole reach of every input, cut at both ends."""
    x, weight, groups = call.x(0), call.x(1), call.attribute("group", 1)
    parts = zip(x.split(groups, axis=1), weight.split(groups, axis=0), strict=True)
    kernel = lengths(weight)[2:]
    ones = [1] * len(kernel)
    stride, dilation = (
        tuple(call.attribute("strides", ones)),
        tuple(call.attribute("dilations", ones)),
    )
    rows = zip(lengths(x)[2:], kernel, stride, dilation, strict=True)
    full = tuple((n - 1) * s + (k - 1) * d + 1 for n, k, s, d in rows)
    keep = {
        "stride": stride,
        "dilation": dilation,
        "padding": (0,) * len(kernel),
        "length": full,
    }
    out = _joined_whole([emit("conv_transpose", part, w, **keep) for part, w in parts])
    for i, length in enumerate(full):
        out = _cut(call, out, i, length, lengths(x)[i + 2] * stride[i])
    return out + wide(call.x(2), axis=1, rank=rank(out)) if call.has(2) else out


def _joined_whole(parts: list[Value]) -> Value:
    return parts[0].concat(*parts[1:], axis=1) if len(parts) > 1 else parts[0]


def _cut(call: Call, out: Value, i: int, length: int, same: int) -> Value:
    """Take the padding off spatial axis `i` of full `length`; what is asked for beyond it
    is 0. `same` is the length that SAME gives.
    """
    space = rank(out) - 2
    extra = call.attribute("output_padding", [0] * space)[i]
    pads, mode = (
        call.attribute("pads", [0] * 2 * space),
        call.attribute("auto_pad", "NOTSET"),
    )
    before, due = pads[i], length + extra - pads[i] - pads[i + space]
    if mode.startswith("SAME") or call.attribute("output_shape"):
        due = call.attribute("output_shape", [same] * space)[-space:][i]
        off = max(length + extra - due, 0)
        before = off // 2 if mode == "SAME_UPPER" else off - off // 2
    stop = min(before + due, length)
    part = out.slice(axis=i + 2, start=before, stop=stop, step=1)
    return part.pad(axis=i + 2, before=0, after=due - (stop - before), value=0.0)


def dropout(call: Call) -> list[Value]:
    """Nothing is dropped outside training, nor at ratio 0."""
    training = call.opset >= 12 and call.has(2) and bool(call.static(2))
    if training and not (call.has(1) and float(call.static(1)) == 0):
        raise NotMappable("random numbers of its own")
    kept = np.ones(lengths(call.x()), np.bool_)
    return [
        emit("stop_gradient", call.x()),
        *([call.constant(kept)] if call.wants(1) else []),
    ]


def determinant(call: Call) -> Value:
    """ad - bc of a matrix of two rows."""
    x = call.x()
    if lengths(x)[-2:] != (2, 2):
        raise NotMappable("a determinant of more than two rows")
    (a, b), (c, d) = (list(row.unstack(axis=-1)) for row in x.unstack(axis=-2))
    return a * d - b * c


def col2im(call: Call) -> Value:
    """Columns of windows added up where they come from: the places are fixed by the shapes."""
    x, image, block = call.x(), call.ints(1), call.ints(2)
    space, count = len(image), int(np.prod(block))
    ones, zeros = [1] * space, [0] * 2 * space
    strides, dilations = call.attribute("strides", ones), call.attribute("dilations", ones)
    pads = call.attribute("pads", zeros)
    padded = [n + pads[i] + pads[i + space] for i, n in enumerate(image)]
    starts = [
        np.arange(0, padded[i] - (block[i] - 1) * dilations[i], strides[i])
        for i in range(space)
    ]
    taps = [np.arange(block[i]) * dilations[i] for i in range(space)]
    grid = np.meshgrid(*taps, *starts, indexing="ij")
    places = np.ravel_multi_index(
        [grid[i] + grid[i + space] for i in range(space)], padded
    ).reshape(-1)
    batch, wide_channels = lengths(x)[:2]
    rows = x.reshape((batch, wide_channels // count, len(places)))
    index = call.constant(places).broadcast_to(rows.shape)
    out = emit("scatter_add", rows, index, axis=2, length=int(np.prod(padded))).reshape(
        (*rows.shape[:2], *padded)
    )
    for i in range(space):
        out = out.slice(axis=i + 2, start=pads[i], stop=pads[i] + image[i], step=1)
    return out


def affine_grid(call: Call) -> Value:
    """Points of a regular grid over [-1, 1], moved by a matrix for each batch entry."""
    theta, size = call.x(), call.ints(1)
    corners = bool(call.attribute("align_corners", 0))
    lines = [
        np.linspace(-1, 1, n) if corners else (2 * np.arange(n) + 1) / n - 1
        for n in size[2:]
    ]
    points = np.stack([*np.meshgrid(*lines, indexing="ij")[::-1], np.ones(size[2:])], -1)
    flat = call.constant(points.reshape(-1, len(lines) + 1), theta)
    return (flat @ swap(theta)).reshape((size[0], *size[2:], len(lines)))


def causal_conv(call: Call) -> list[Value]:
    """A convolution of each channel with its own kernel over the past only; the last inputs
    are the state of the next call.
    """
    x, weight = call.x(0), call.x(1)
    reach = lengths(weight)[2] - 1
    past = call.optional(3)
    history = (
        past.concat(x, axis=2)
        if past is not None
        else x.pad(axis=2, before=reach, after=0, value=0.0)
    )
    steps = lengths(x)[2]
    taps = weight.squeeze(axis=1).unstack(axis=1)
    parts = [
        history.slice(axis=2, start=i, stop=i + steps, step=1) * tap.expand_dims(axis=1)
        for i, tap in enumerate(taps)
    ]
    out = total(parts, "add")
    out = out + call.x(2).expand_dims(axis=1) if call.has(2) else out
    out = (
        out * out.sigmoid()
        if call.attribute("activation", "none") in ("silu", "swish")
        else out
    )
    return [out, history.slice(axis=2, start=steps, stop=steps + reach, step=1)]


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

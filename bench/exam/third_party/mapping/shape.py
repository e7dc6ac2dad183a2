"""Operators that move data: reshape, transpose, slice, pad, concat and their kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    NotMappable,
    lengths,
    rank,
    split,
    where,
)
from models.graph import FLOATS
from models.value import Value, emit


def reshape(call: Call) -> Value:
    """Another shape; 0 keeps a length unless `allowzero`."""
    x, target = call.x(), call.ints(1)
    if not call.attribute("allowzero", 0):
        target = tuple(
            lengths(x)[i] if length == 0 else length for i, length in enumerate(target)
        )
    return emit("reshape", x, shape=_solved(target, math.prod(lengths(x))))


def _solved(target: tuple[int, ...], size: int) -> tuple[int, ...]:
    """-1 becomes what is left."""
    rest = math.prod(length for length in target if length != -1)
    return tuple(size // rest if length == -1 else length for length in target)


def flatten(call: Call) -> Value:
    """Two axes: those before `axis`, those from it on."""
    shape, axis = lengths(call.x()), call.attribute("axis", 1)
    at = axis % len(shape) if axis < 0 else axis
    return emit("reshape", call.x(), shape=(math.prod(shape[:at]), math.prod(shape[at:])))


def squeeze(call: Call) -> Value:
    """Axes of length 1 away."""
    x = call.x()
    asked = (
        call.ints(1)
        if call.has(1)
        else [i for i, length in enumerate(lengths(x)) if length == 1]
    )
    for axis in sorted((axis % rank(x) for axis in asked), reverse=True):
        x = x.squeeze(axis=axis)
    return x


def unsqueeze(call: Call) -> Value:
    """New axes of length 1, counted in the result."""
    x, asked = call.x(), call.ints(1)
    for axis in sorted(axis % (rank(x) + len(asked)) for axis in asked):
        x = x.expand_dims(axis=axis)
    return x


def transpose(call: Call) -> Value:
    """Axes in another order; reversed where none is given."""
    return emit(
        "permute_dims",
        call.x(),
        axes=tuple(call.attribute("perm", range(rank(call.x()))[::-1])),
    )


def expand(call: Call) -> Value:
    """Broadcast against a shape, in both directions."""
    return emit(
        "broadcast_to", call.x(), shape=np.broadcast_shapes(lengths(call.x()), call.ints(1))
    )


def concat(call: Call) -> Value:
    """Joined along an axis."""
    first, *others = call.all()
    return first.concat(*others, axis=call.attribute("axis"))


def split_node(call: Call) -> list[Value]:
    """Parts of given or equal width; the last one may be shorter."""
    axis = call.attribute("axis", 0) % rank(call.x())
    length, parts = lengths(call.x())[axis], len(call.node.outputs)
    width = -(-length // parts)
    widths = (
        call.ints(1)
        if call.has(1)
        else tuple(min(width, length - width * i) for i in range(parts))
    )
    if len(set(widths)) == 1 and widths[0] > 0:
        return list(call.x().split(parts, axis=axis))
    return split(call.x(), widths, axis)


def tile(call: Call) -> Value:
    """Every axis repeated as a whole."""
    x = call.x()
    for axis, times in enumerate(call.ints(1)):
        x = x.tile(times=times, axis=axis)
    return x


def slice_node(call: Call) -> Value:
    """start:stop:step along some axes, as Python slices; a step back is a flip and a step
    forward.
    """
    x, starts, stops = call.x(), call.ints(1), call.ints(2)
    axes = call.ints(3) if call.has(3) else tuple(range(len(starts)))
    steps = call.ints(4) if call.has(4) else (1,) * len(starts)
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        x = _cut(x, axis % rank(x), start, stop, step)
    return x


def _cut(x: Value, axis: int, start: int, stop: int, step: int) -> Value:
    length = lengths(x)[axis]
    if step < 0:
        picked = range(length)[slice(start, stop if stop >= -length else None, step)]
        first = length - 1 - picked.start  # where the flipped axis begins
        return x.flip(axis=axis).slice(
            axis=axis, start=first, stop=first + (picked.start - picked.stop), step=-step
        )
    low, high, _ = slice(start, stop, step).indices(length)
    return x.slice(axis=axis, start=low, stop=max(low, high), step=step)


def pad(call: Call) -> Value:
    """A constant, or copies of the axis: mirrored at the edge element (reflect), the edge
    repeated (edge), or around again (wrap).
    """
    x, widths = call.x(), call.ints(1)
    axes = (
        [axis % rank(x) for axis in call.ints(3)] if call.has(3) else list(range(rank(x)))
    )
    mode = call.attribute("mode", "constant")
    value = call.static(2).item() if call.has(2) else 0
    for axis, before, after in zip(
        axes, widths[: len(axes)], widths[len(axes) :], strict=True
    ):
        if before < 0 or after < 0:
            raise NotMappable("a negative padding")
        constant = mode == "constant"
        x = (
            x.pad(axis=axis, before=before, after=after, value=value)
            if constant
            else _copies(call, x, axis, (before, after), mode)
        )
    return x


def _copies(call: Call, x: Value, axis: int, widths: tuple[int, int], mode: str) -> Value:
    """Padding with elements of the axis itself, whose places only the shape decides."""
    # ONNX's modes are NumPy's
    places = np.pad(np.arange(lengths(x)[axis]), widths, mode=mode)  # type: ignore[call-overload]
    return x.take(call.constant(places), axis=axis) if sum(widths) else x


def center_crop_pad(call: Call) -> Value:
    """Each axis cut or padded with zeros around its middle."""
    x, target = call.x(), call.ints(1)
    for axis, length in zip(call.attribute("axes", range(rank(x))), target, strict=True):
        x = _centred(x, axis % rank(x), length)
    return x


def _centred(x: Value, axis: int, length: int) -> Value:
    now = lengths(x)[axis]
    if length <= now:
        start = (now - length) // 2
        return x.slice(axis=axis, start=start, stop=start + length, step=1)
    before = (length - now) // 2
    return x.pad(axis=axis, before=before, after=length - now - before, value=0.0)


def depth_to_space(call: Call) -> Value:
    """Channels into blocks: depth outermost (DCR) or innermost (CRD)."""
    b = call.attribute("blocksize")
    channels = "(p q c)" if call.attribute("mode", "DCR") == "DCR" else "(c p q)"
    return call.x().rearrange(f"n {channels} h w -> n c (h p) (w q)", p=b, q=b)


def space_to_depth(call: Call) -> Value:
    """Blocks into channels, the inverse of depth_to_space."""
    b = call.attribute("blocksize")
    channels = "(p q c)" if call.attribute("mode", "DCR") == "DCR" else "(c p q)"
    return call.x().rearrange(f"n c (h p) (w q) -> n {channels} h w", p=b, q=b)


def trilu(call: Call) -> Value:
    """The upper or lower triangle of the last two axes, zeros elsewhere."""
    x, k = call.x(), int(call.static(1)) if call.has(1) else 0
    rows, columns = (np.arange(length) for length in lengths(x)[-2:])
    reach = columns[None, :] - rows[:, None]
    mask = call.constant(reach >= k if call.attribute("upper", 1) else reach <= k)
    zero: Any = 0.0 if x.dtype in FLOATS else 0
    return where(mask, x, zero)


def reverse_sequence(call: Call) -> Value:
    """The first `lengths[b]` steps of each batch entry backwards, the rest as it is."""
    x, counts = call.all()
    time, batch = call.attribute("time_axis", 0), call.attribute("batch_axis", 1)
    shape = [1] * rank(x)
    step = call.constant(
        np.arange(lengths(x)[time]).reshape(
            [-1 if i == time else 1 for i in range(rank(x))]
        )
    )
    shape[batch] = lengths(x)[batch]
    ends = counts.reshape(tuple(shape))
    place = where(emit("less", step, ends), ends - 1 - step, step)
    return x.take_along_axis(place.broadcast_to(x.shape), axis=time)


MAP = {
    "CenterCropPad": center_crop_pad,
    "Concat": concat,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "Flatten": flatten,
    "Pad": pad,
    "Reshape": reshape,
    "ReverseSequence": reverse_sequence,
    "Slice": slice_node,
    "SpaceToDepth": space_to_depth,
    "Split": split_node,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
}

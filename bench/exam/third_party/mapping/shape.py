"""Operators that move data: reshape, transpose, slice, pad, concat and their kin."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    NotMappable,
    cut,
    lengths,
    rank,
    split,
    where,
    wide,
    zeros,
)
from models.graph import FLOATS
from models.value import Value, emit


def reshape(call: Call) -> Value:
    """Another shape; 0 keeps a length unless `allowzero`."""
    x, target = call.x(), call.ints(1)
    if not call.flag("allowzero"):
        target = tuple(length or lengths(x)[i] for i, length in enumerate(target))
    return emit("reshape", x, shape=_solved(target, math.prod(lengths(x))))


def _solved(target: tuple[int, ...], size: int) -> tuple[int, ...]:
    """-1 becomes what is left."""
    rest = math.prod(length for length in target if length != -1)
    return tuple(size // rest if length == -1 else length for length in target)


def flatten(call: Call) -> Value:
    """Two axes: those before `axis`, those from it on."""
    shape = lengths(call.x())
    axis = call.attribute("axis", 1)
    # not by a remainder: an axis as large as the rank puts all before it
    at = axis % len(shape) if axis < 0 else axis
    rows = math.prod(shape[:at])
    columns = math.prod(shape[at:])
    return emit("reshape", call.x(), shape=(rows, columns))


def squeeze(call: Call) -> Value:
    """Axes of length 1 away."""
    x = call.x()
    if call.has(1):
        axes = [axis % rank(x) for axis in call.ints(1)]
    else:
        axes = [i for i, length in enumerate(lengths(x)) if length == 1]
    # the last one first, so that the others keep their numbers
    for axis in sorted(axes, reverse=True):
        x = x.squeeze(axis=axis)
    return x


def unsqueeze(call: Call) -> Value:
    """New axes of length 1, counted in the result."""
    x, asked = call.x(), call.ints(1)
    wider = rank(x) + len(asked)
    for axis in sorted(axis % wider for axis in asked):
        x = x.expand_dims(axis=axis)
    return x


def transpose(call: Call) -> Value:
    """Axes in another order; reversed where none is given."""
    backwards = range(rank(call.x()))[::-1]
    order = tuple(call.attribute("perm", backwards))
    return emit("permute_dims", call.x(), axes=order)


def expand(call: Call) -> Value:
    """Broadcast against a shape, in both directions."""
    # a 1 in the shape keeps a longer axis
    shape = np.broadcast_shapes(lengths(call.x()), call.ints(1))
    return emit("broadcast_to", call.x(), shape=shape)


def concat(call: Call) -> Value:
    """Joined along an axis."""
    first, *others = call.all()
    return first.concat(*others, axis=call.attribute("axis"))


def split_node(call: Call) -> list[Value]:
    """Parts of given or equal width; the last one may be shorter."""
    axis = call.axis(0)
    length = lengths(call.x())[axis]
    parts = len(call.node.outputs)
    if call.has(1):
        widths = call.ints(1)
    else:
        width = -(-length // parts)  # rounded up
        widths = tuple(min(width, length - width * i) for i in range(parts))
    # the op of the language makes equal parts, none of them empty
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
    """start:stop:step along some axes, as Python slices.

    A step back is a flip and a step forward.
    """
    x = call.x()
    starts = call.ints(1)
    stops = call.ints(2)
    count = len(starts)
    axes = call.ints(3) if call.has(3) else tuple(range(count))
    steps = call.ints(4) if call.has(4) else (1,) * count
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        x = _cut(x, axis % rank(x), slice(start, stop, step))
    return x


def _cut(x: Value, axis: int, part: slice) -> Value:
    length = lengths(x)[axis]
    if part.step > 0:
        start, stop, _ = part.indices(length)
        return x.slice(axis=axis, start=start, stop=max(start, stop), step=part.step)
    # Beyond the start a negative stop means all the way; Python would count it from the end.
    end = part.stop if part.stop >= -length else None
    picked = range(length)[slice(part.start, end, part.step)]
    first = length - 1 - picked.start  # where the flipped axis begins
    last = first + (picked.start - picked.stop)
    flipped = x.flip(axis=axis)
    return flipped.slice(axis=axis, start=first, stop=last, step=-part.step)


def pad(call: Call) -> Value:
    """A constant, or copies of the axis.

    Mirrored at the edge element (reflect), the edge repeated (edge), or around again
    (wrap).
    """
    x, widths = call.x(), call.ints(1)
    axes = call.ints(3) if call.has(3) else range(rank(x))
    constant = call.attribute("mode", "constant") == "constant"
    value = call.static(2).item() if call.has(2) else 0
    # all widths before, then all behind
    count = len(axes)
    for axis, before, after in zip(axes, widths[:count], widths[count:], strict=True):
        if before < 0 or after < 0:
            raise NotMappable("a negative padding")
        if constant:
            x = x.pad(axis=axis % rank(x), before=before, after=after, value=value)
        elif before or after:
            x = _copies(call, x, axis % rank(x), (before, after))
    return x


def _copies(
    call: Call,
    x: Value,
    axis: int,
    widths: tuple[int, int],
) -> Value:
    """Padding with elements of the axis itself, whose places only the shape decides."""
    own = np.arange(lengths(x)[axis])
    mode: Any = call.attribute("mode")  # of NumPy: ONNX has the same
    places = np.pad(own, widths, mode=mode)
    return x.take(call.constant(places), axis=axis)


def center_crop_pad(call: Call) -> Value:
    """Each axis cut or padded with zeros around its middle."""
    x, target = call.x(), call.ints(1)
    axes = call.attribute("axes", range(rank(x)))
    for axis, length in zip(axes, target, strict=True):
        x = _centred(x, axis % rank(x), length)
    return x


def _centred(x: Value, axis: int, length: int) -> Value:
    """Of an odd difference, the larger part is cut or put at the end."""
    now = lengths(x)[axis]
    if length <= now:
        start = (now - length) // 2
        return cut(x, axis, start, start + length)
    before = (length - now) // 2
    return zeros(x, axis, before, length - now - before)


def _channels(call: Call) -> str:
    """How channels hold blocks of p by q: depth outermost (DCR), or innermost (CRD)."""
    return "(p q c)" if call.attribute("mode", "DCR") == "DCR" else "(c p q)"


def depth_to_space(call: Call) -> Value:
    """Channels into blocks."""
    b = call.attribute("blocksize")
    return call.x().rearrange(f"n {_channels(call)} h w -> n c (h p) (w q)", p=b, q=b)


def space_to_depth(call: Call) -> Value:
    """Blocks into channels, the inverse of depth_to_space."""
    b = call.attribute("blocksize")
    return call.x().rearrange(f"n c (h p) (w q) -> n {_channels(call)} h w", p=b, q=b)


def trilu(call: Call) -> Value:
    """The upper or lower triangle of the last two axes, zeros elsewhere."""
    x = call.x()
    k = int(call.static(1)) if call.has(1) else 0
    rows, columns = (np.arange(length) for length in lengths(x)[-2:])
    # diagonals to the right of the main one; k moves the edge of the triangle there
    diagonal = columns[None, :] - rows[:, None]
    upper = call.flag("upper", default=True)
    mask = call.constant(diagonal >= k if upper else diagonal <= k)
    # a fraction is no literal beside integers
    zero: float = 0.0 if x.dtype in FLOATS else 0
    return where(mask, x, zero)


def reverse_sequence(call: Call) -> Value:
    """The first `lengths[b]` steps of each batch entry backwards, the rest as it is."""
    x, counts = call.all()
    time = call.attribute("time_axis", 0)
    batch = call.attribute("batch_axis", 1)
    steps = call.constant(np.arange(lengths(x)[time]))
    step = wide(steps, axis=time, rank=rank(x))
    ends = wide(counts, axis=batch, rank=rank(x))
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

"""Gathering and scattering by indices that are data; negative ones count from the end.

Scattering goes over a flat view: fixed strides turn coordinates into one index. What is
written twice is undefined in ONNX unless it is added, so that a written element is the sum
of what was written there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.exam.third_party.mapping.call import (
    Call,
    NotMappable,
    cut,
    flattened,
    lengths,
    rank,
    undone,
    where,
    wide,
    zeros,
)
from models.value import Value, emit


def _strides(axes: Sequence[int]) -> list[int]:
    """How far apart in a flat view neighbours along each axis lie."""
    return [math.prod(axes[i + 1 :]) for i in range(len(axes))]


def wrapped(index: Value, length: int) -> Value:
    """Negative indices counted from the start."""
    return where(emit("less", index, 0), index + length, index)


def gather(call: Call) -> Value:
    """Slices of an axis by an index of any rank."""
    x, index = call.all()
    axis, shape = call.axis(0), lengths(x)
    # `take` has indices of rank 1: theirs is made flat, and comes back in the result
    flat = flattened(wrapped(index, shape[axis]))
    rows = x.take(flat, axis=axis)
    return rows.reshape((*shape[:axis], *lengths(index), *shape[axis + 1 :]))


def gather_elements(call: Call) -> Value:
    """One element for each index; other axes go as far as the index does."""
    x, index = call.all()
    axis = call.axis(0)
    for other, length in enumerate(lengths(index)):
        if other != axis:
            x = cut(x, other, 0, length)
    return x.take_along_axis(wrapped(index, lengths(x)[axis]), axis=axis)


def array_feature(call: Call) -> Value:
    """Columns by index."""
    x = call.x(0)
    index = wrapped(call.x(1), lengths(x)[-1])
    return x.take(flattened(index), axis=-1)


def gather_nd(call: Call) -> Value:
    """Slices by coordinates in the last axis of the index, batch entry by batch entry."""
    x, index = call.all()
    batch = call.attribute("batch_dims", 0)
    depth = lengths(index)[-1]
    # the shape of x: batch axes, axes that coordinates name, axes of a slice
    outer = lengths(x)[:batch]
    axes = lengths(x)[batch : batch + depth]
    inner = lengths(x)[batch + depth :]
    flat = _flat(call, index, axes)
    if batch:
        # the rows of a batch entry come after those of the entries before it
        entries = np.arange(math.prod(outer)) * math.prod(axes)
        ones = (1,) * (rank(flat) - batch)
        starts = entries.reshape((*outer, *ones))
        flat = flat + call.constant(starts, flat)
    count = math.prod(outer) * math.prod(axes)
    rows = x.reshape((count, *inner))
    picked = rows.take(flattened(flat), axis=0)
    return picked.reshape((*lengths(index)[:-1], *inner))


def _flat(call: Call, index: Value, axes: Sequence[int]) -> Value:
    """Row number of the coordinates in the last axis of an index."""
    sizes = call.constant(np.array(axes), index)
    strides = call.constant(np.array(_strides(axes)), index)
    whole = where(emit("less", index, 0), index + sizes, index)
    return (whole * strides).sum(axis=rank(index) - 1, keepdims=False)


def scatter_elements(call: Call) -> Value:
    """Each update at its index along an axis, elsewhere at its own place."""
    x, index, updates = call.all()
    axis, shape = call.axis(0), lengths(x)
    strides = _strides(shape)
    # what the other axes add to the place in a flat view, which only shapes decide
    grids = np.indices(lengths(index))
    others = [i for i in range(len(shape)) if i != axis]
    places = np.zeros_like(grids[0])
    for i in others:
        places = places + grids[i] * strides[i]
    own = wrapped(index, shape[axis]) * strides[axis]
    flat = flattened(own + call.constant(places, index))
    # every element a row of one
    rows = x.reshape((-1, 1))
    new = updates.reshape((-1, 1))
    return _scatter(call, rows, flat, new).reshape(x.shape)


def scatter_nd(call: Call) -> Value:
    """Slices of updates at coordinates."""
    x, index, updates = call.all()
    depth = lengths(index)[-1]
    axes = lengths(x)[:depth]
    inner = math.prod(lengths(x)[depth:])
    rows = x.reshape((math.prod(axes), inner))
    flat = flattened(_flat(call, index, axes))
    new = updates.reshape((-1, inner))
    return _scatter(call, rows, flat, new).reshape(x.shape)


def _scatter(
    call: Call,
    rows: Value,
    index: Value,
    updates: Value,
) -> Value:
    """Rows of updates put into, or added to, rows."""
    how = call.attribute("reduction", "none")
    if how == "add":
        return rows + _sums(updates, index, rows)
    if how == "none":
        return put(call, rows, index, updates)
    raise NotMappable("scattering by a product or an extreme")


def put(
    call: Call,
    rows: Value,
    index: Value,
    updates: Value,
) -> Value:
    """Rows of updates in the place of rows."""
    # The language only adds: a count beside the sums says where anything was written.
    ones = call.constant(np.ones(lengths(updates)), updates)
    written = emit("greater", _sums(ones, index, rows), 0.0)
    return where(written, _sums(updates, index, rows), rows)


def _sums(updates: Value, index: Value, rows: Value) -> Value:
    """Rows of zeros with the updates added up at their index."""
    whole = wide(index, axis=0, rank=2).broadcast_to(updates.shape)
    return emit("scatter_add", updates, whole, axis=0, length=lengths(rows)[0])


def tensor_scatter(call: Call) -> Value:
    """New steps of a cache from the place on where each batch entry stands.

    Around again where the mode is circular.
    """
    cache = call.x(0)
    update = call.x(1)
    axis = call.axis(-2)
    batch = lengths(cache)[0]
    length = lengths(cache)[axis]
    steps = lengths(update)[axis]
    place = call.constant(np.broadcast_to(np.arange(steps), (batch, steps)))
    if call.has(2):
        place = place + call.x(2).expand_dims(axis=1)
    if call.attribute("mode", "linear") == "circular":
        place = where(emit("greater_equal", place, length), place - length, place)
    # Batch and steps become the rows that are written, all other axes their columns.
    starts = call.constant(np.arange(batch)[:, None] * length, place)
    flat = flattened(place + starts)
    others = [i for i in range(1, rank(cache)) if i != axis]
    order = (0, axis, *others)
    rows, new = (
        value.permute_dims(order).reshape((batch * lengths(value)[axis], -1))
        for value in (cache, update)
    )
    turned = tuple(cache.shape[i] for i in order)
    out = put(call, rows, flat, new).reshape(turned)
    return out.permute_dims(undone(order))


def max_unpool(call: Call) -> Value:
    """Each element at its place in a larger tensor of zeros.

    The place is where max pooling took it from.
    """
    x = call.x(0)
    index = call.x(1)
    kernel = call.attribute("kernel_shape")
    count = len(kernel)
    strides = call.each("strides", count, 1)
    pads = call.each("pads", 2 * count, 0)
    # what the pool has come from: its windows side by side, less the padding of both ends
    space = [
        (n - 1) * strides[i] + kernel[i] - pads[i] - pads[i + count]
        for i, n in enumerate(lengths(x)[2:])
    ]
    shape = (*lengths(x)[:2], *space)
    size = math.prod(shape)
    flat = emit("scatter_add", flattened(x), flattened(index), axis=0, length=size)
    out = flat.reshape(shape)
    # Rounding down may have lost elements at the ends, which a given shape says.
    for i, length in enumerate(call.ints(2) if call.has(2) else shape):
        out = zeros(out, i, 0, length - shape[i])
    return out


def one_hot(call: Call) -> Value:
    """The second value where an index names the place along a new axis, else the first."""
    index = call.x(0)
    depth = int(call.static(1).ravel()[0])
    wider = rank(index) + 1
    axis = call.attribute("axis", -1) % wider  # in the result
    places = wide(call.constant(np.arange(depth), index), axis=axis, rank=wider)
    hit = emit("equal", wrapped(index, depth).expand_dims(axis=axis), places)
    off, on = call.x(2).split(2, axis=0)
    return where(hit, on, off)


MAP = {
    "ArrayFeatureExtractor": array_feature,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "MaxUnpool": max_unpool,
    "OneHot": one_hot,
    "Scatter": scatter_elements,  # the older name
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TensorScatter": tensor_scatter,
}

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
    lengths,
    rank,
    where,
    wide,
)
from models.value import Value, emit


def wrapped(index: Value, length: int) -> Value:
    """Negative indices counted from the start."""
    return where(emit("less", index, 0), index + length, index)


def gather(call: Call) -> Value:
    """Slices of an axis by an index of any rank."""
    x, index = call.all()
    axis = call.attribute("axis", 0) % rank(x)
    rows = x.take(wrapped(index, lengths(x)[axis]).reshape((-1,)), axis=axis)
    return rows.reshape((*lengths(x)[:axis], *lengths(index), *lengths(x)[axis + 1 :]))


def gather_elements(call: Call) -> Value:
    """One element for each index; other axes go as far as the index does."""
    x, index = call.all()
    axis = call.attribute("axis", 0) % rank(x)
    for other, length in enumerate(lengths(index)):
        if other != axis:
            x = x.slice(axis=other, start=0, stop=length, step=1)
    return x.take_along_axis(wrapped(index, lengths(x)[axis]), axis=axis)


def array_feature(call: Call) -> Value:
    """Columns by index."""
    return call.x(0).take(
        wrapped(call.x(1), lengths(call.x(0))[-1]).reshape((-1,)), axis=-1
    )


def gather_nd(call: Call) -> Value:
    """Slices by coordinates in the last axis of the index, batch entry by batch entry."""
    x, index = call.all()
    batch, depth = call.attribute("batch_dims", 0), lengths(index)[-1]
    outer, inner = lengths(x)[:batch], lengths(x)[batch + depth :]
    axes = lengths(x)[batch : batch + depth]
    flat = _flat(call, index, axes)
    if batch:
        starts = np.arange(math.prod(outer)).reshape(
            (*outer, *(1,) * (rank(flat) - batch))
        ) * math.prod(axes)
        flat = flat + call.constant(starts, flat)
    rows = x.reshape((math.prod(outer) * math.prod(axes), *inner))
    return rows.take(flat.reshape((-1,)), axis=0).reshape((*lengths(index)[:-1], *inner))


def _flat(call: Call, index: Value, axes: Sequence[int]) -> Value:
    """Row number of the coordinates in the last axis of an index."""
    sizes = call.constant(np.array(axes), index)
    strides = call.constant(
        np.array([math.prod(axes[i + 1 :]) for i in range(len(axes))]), index
    )
    whole = where(emit("less", index, 0), index + sizes, index)
    return (whole * strides).sum(axis=rank(index) - 1, keepdims=False)


def scatter_elements(call: Call) -> Value:
    """Each update at its index along an axis, elsewhere at its own place."""
    x, index, updates = call.all()
    axis, shape = call.attribute("axis", 0) % rank(x), lengths(x)
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    places = sum(
        grid * stride
        for i, (grid, stride) in enumerate(
            zip(np.indices(lengths(index)), strides, strict=True)
        )
        if i != axis
    )
    flat = wrapped(index, shape[axis]) * strides[axis] + call.constant(
        np.broadcast_to(places, lengths(index)), index
    )
    out = _scatter(call, x.reshape((-1, 1)), flat.reshape((-1,)), updates.reshape((-1, 1)))
    return out.reshape(x.shape)


def scatter_nd(call: Call) -> Value:
    """Slices of updates at coordinates."""
    x, index, updates = call.all()
    depth = lengths(index)[-1]
    axes, inner = lengths(x)[:depth], math.prod(lengths(x)[depth:])
    flat = _flat(call, index, axes).reshape((-1,))
    return _scatter(
        call, x.reshape((math.prod(axes), inner)), flat, updates.reshape((-1, inner))
    ).reshape(x.shape)


def _scatter(call: Call, rows: Value, index: Value, updates: Value) -> Value:
    """Rows of updates put into, or added to, rows."""
    how = call.attribute("reduction", "none")
    if how not in ("none", "add"):
        raise NotMappable("scattering by a product or an extreme")
    return (
        rows + _sums(updates, index, rows)
        if how == "add"
        else put(call, rows, index, updates)
    )


def put(call: Call, rows: Value, index: Value, updates: Value) -> Value:
    """Rows of updates in the place of rows."""
    ones = call.constant(np.ones(lengths(updates)), updates)
    return where(
        emit("greater", _sums(ones, index, rows), 0.0), _sums(updates, index, rows), rows
    )


def _sums(updates: Value, index: Value, rows: Value) -> Value:
    whole = wide(index, axis=0, rank=2).broadcast_to(updates.shape)
    return emit("scatter_add", updates, whole, axis=0, length=lengths(rows)[0])


def tensor_scatter(call: Call) -> Value:
    """New steps of a cache from the place on where each batch entry stands, around again
    where the mode is circular.
    """
    cache, update = call.x(0), call.x(1)
    axis = call.attribute("axis", -2) % rank(cache)
    length, steps, batch = lengths(cache)[axis], lengths(update)[axis], lengths(cache)[0]
    place = call.constant(np.broadcast_to(np.arange(steps), (batch, steps)))
    place = place + call.x(2).expand_dims(axis=1) if call.has(2) else place
    if call.attribute("mode", "linear") == "circular":
        place = where(emit("greater_equal", place, length), place - length, place)
    flat = place + call.constant(np.arange(batch)[:, None] * length, place)
    order = (0, axis, *(i for i in range(1, rank(cache)) if i != axis))
    rows, new = (
        value.permute_dims(order).reshape((batch * lengths(value)[axis], -1))
        for value in (cache, update)
    )
    out = put(call, rows, flat.reshape((-1,)), new)
    return out.reshape(tuple(cache.shape[i] for i in order)).permute_dims(
        tuple(np.argsort(order).tolist())
    )


def max_unpool(call: Call) -> Value:
    """Each element at its place in a larger tensor of zeros, where max pooling took it
    from.
    """
    x, index = call.x(0), call.x(1)
    kernel = call.attribute("kernel_shape")
    strides, pads = (
        call.attribute("strides", [1] * len(kernel)),
        call.attribute("pads", [0] * 2 * len(kernel)),
    )
    rows = enumerate(zip(lengths(x)[2:], kernel, strides, strict=True))
    space = tuple(
        (n - 1) * s + k - pads[i] - pads[i + len(kernel)] for i, (n, k, s) in rows
    )
    shape = (*lengths(x)[:2], *space)
    flat = emit(
        "scatter_add",
        x.reshape((-1,)),
        index.reshape((-1,)),
        axis=0,
        length=math.prod(shape),
    ).reshape(shape)
    for i, length in enumerate(call.ints(2) if call.has(2) else shape):
        flat = flat.pad(axis=i, before=0, after=length - shape[i], value=0.0)
    return flat


def one_hot(call: Call) -> Value:
    """The second value where an index names the place along a new axis, else the first."""
    index, depth = call.x(0), int(call.static(1).ravel()[0])
    axis = call.attribute("axis", -1) % (rank(index) + 1)
    places = wide(call.constant(np.arange(depth), index), axis=axis, rank=rank(index) + 1)
    off, on = call.x(2).split(2, axis=0)
    return where(
        emit("equal", wrapped(index, depth).expand_dims(axis=axis), places), on, off
    )


MAP = {
    "ArrayFeatureExtractor": array_feature,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "MaxUnpool": max_unpool,
    "OneHot": one_hot,
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TensorScatter": tensor_scatter,
}

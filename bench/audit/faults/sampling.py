"""Pooling, resizing, sparse products and deconvolutions: places, edges and repeated entries."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.audit.faults._made import kernel
from models.dims import fixed
from models.value import Value, emit

KIND = "kernel"
Ints = tuple[int, ...]
FAR = -1e4  # stands for minus infinity in a float16, too


def _pooled_over(
    x: Value,
    *,
    padding: Ints,
    value: float,
    **layer: Ints,
) -> Value:
    """Windows over x with so much of a number around it."""
    for axis, width in enumerate(padding, start=2):
        x = x.pad(axis=axis, before=width, after=width, value=value)
    return emit("max_pool", x, padding=(0,) * len(padding), **layer)


def _zeros_around(
    x: Value,
    *,
    padding: Ints,
    **layer: Ints,
) -> Value | None:
    if not any(padding):
        return None
    return _pooled_over(x, padding=padding, value=0.0, **layer)


def _late(
    x: Value,
    *,
    padding: Ints,
    **layer: Ints,
) -> Value | None:
    """All of the padding in front: every window begins one place early."""
    if not any(padding):
        return None
    for axis, width in enumerate(padding, start=2):
        x = x.pad(axis=axis, before=2 * width, after=0, value=FAR)
    return emit("max_pool", x, padding=(0,) * len(padding), **layer)


def _average(
    x: Value,
    *,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> Value | None:
    """The mean of a window, its padding counted as zeros."""
    if not isinstance(x.shape[1], int):
        return None
    share = np.full((x.shape[1], x.shape[1], *kernel), 0.0, np.float32)
    for channel in range(x.shape[1]):
        share[channel, channel] = 1 / np.prod(kernel)
    name = f"mean_{'_'.join(map(str, share.shape))}_{x.dtype}"
    table = x.graph.constant(name, share).astype(x.dtype)
    return emit("conv", x, table, stride=stride, padding=padding, dilation=dilation)


def _neighbours(
    x: Value,
    *,
    dilation: Ints,
    **layer: Ints,
) -> Value | None:
    """Windows without gaps, cut to what is due."""
    if set(dilation) == {1}:
        return None
    due = emit("max_pool", x, dilation=dilation, **layer).shape
    out = emit("max_pool", x, dilation=(1,) * len(dilation), **layer)
    for axis in range(2, len(due)):
        out = out.slice(axis=axis, start=0, stop=due[axis], step=1)
    return out


def _places(
    x: Value,
    axis: int,
    places: np.ndarray,
    mode: str,
) -> Value:
    """Elements of an axis, or what lies between two, at some places."""
    last = fixed(x.shape[axis]) - 1
    low = np.floor(np.clip(places, 0, last)).astype(np.int64)
    high = np.minimum(low + 1, last)
    share = (np.clip(places, 0, last) - low).astype(np.float32)
    first = _taken(x, axis, low)
    if mode == "nearest":
        return first
    shape = tuple(len(places) if i == axis else 1 for i in range(len(x.shape)))
    table = x.graph.constant(x.graph.fresh("shares"), share.reshape(shape))
    second = _taken(x, axis, high)
    return first + (second - first) * table.astype(x.dtype)


def _taken(
    x: Value,
    axis: int,
    places: np.ndarray,
) -> Value:
    index = x.graph.constant(x.graph.fresh("places"), places)
    return x.take(index, axis=axis)


def _corners(
    x: Value,
    *,
    axis: int,
    length: int,
    mode: str,
) -> Value | None:
    """The first and last new elements lie on the first and last old ones."""
    if mode != "linear" or length < 2:
        return None
    last = fixed(x.shape[axis]) - 1
    return _places(x, axis, np.linspace(0, last, length), mode)


def _half_off(
    x: Value,
    *,
    axis: int,
    length: int,
    mode: str,
) -> Value | None:
    """Elements lie at their index, not half an element behind it."""
    if mode != "linear":
        return None
    ratio = fixed(x.shape[axis]) / length
    return _places(x, axis, np.arange(length) * ratio, mode)


def _rounded(
    x: Value,
    *,
    axis: int,
    length: int,
    mode: str,
) -> Value | None:
    """The nearest by rounding, where the element before is due."""
    if mode != "nearest":
        return None
    ratio = fixed(x.shape[axis]) / length
    return _places(x, axis, np.rint(np.arange(length) * ratio), mode)


def _other_mode(
    x: Value,
    *,
    axis: int,
    length: int,
    mode: str,
) -> Value | None:
    if mode != "linear":
        return None
    return emit("resize", x, axis=axis, length=length, mode="nearest")


def _sparse(
    x: Value,
    values: Value,
    rows: Value,
    columns: Value,
    length: Any,
) -> Value:
    return emit("sparse_matmul", x, values, rows, columns, length=length)


def _transposed(
    x: Value,
    values: Value,
    rows: Value,
    columns: Value,
    *,
    length: Any,
) -> Value | None:
    """Rows for columns, where the matrix is square."""
    if x.shape[-2] != length:
        return None
    return _sparse(x, values, columns, rows, length)


def _overwritten(
    x: Value,
    values: Value,
    rows: Value,
    columns: Value,
    *,
    length: Any,
) -> Value | None:
    """Of entries in one place the last alone counts."""
    count = values.shape[0]
    if not isinstance(count, int) or count < 2:
        return None
    place = rows * x.shape[-2] + columns
    here, there = place.expand_dims(axis=1), place.expand_dims(axis=0)
    behind = x.graph.constant(
        f"behind_{count}", np.triu(np.ones((count, count), bool), 1)
    )
    again = emit("logical_and", emit("equal", here, there), behind)
    times = again.astype("float32").sum(axis=1, keepdims=False)
    last = emit("equal", times, 0.0).astype(values.dtype)
    return _sparse(x, values * last, rows, columns, length)


def _one_row_less(
    x: Value,
    values: Value,
    rows: Value,
    columns: Value,
    *,
    length: Any,
) -> Value | None:
    """The last row stays 0."""
    if not isinstance(length, int):
        return None
    due = _sparse(x, values, rows, columns, length)
    axis = len(due.shape) - 2
    kept = due.slice(axis=axis, start=0, stop=length - 1, step=1)
    return kept.pad(axis=axis, before=0, after=1, value=0.0)


def _structure(
    x: Value,
    values: Value,
    rows: Value,
    columns: Value,
    *,
    length: Any,
) -> Value:
    """Where entries are, and not what they are."""
    return _sparse(x, values * 0.0 + 1.0, rows, columns, length)


def _back_padded(
    x: Value,
    weight: Value,
    *,
    padding: Ints,
    **layer: Any,
) -> Value | None:
    """Padding one too small, the end cut off: all that was made lies one place behind."""
    if not padding or min(padding) < 1:
        return None
    length = layer.pop("length")
    if not all(isinstance(n, int) for n in length):
        return None
    less = tuple(p - 1 for p in padding)
    longer = tuple(n + 2 for n in length)
    out = emit("conv_transpose", x, weight, padding=less, length=longer, **layer)
    for axis, n in enumerate(length, start=2):
        out = out.slice(axis=axis, start=0, stop=n, step=1)
    return out


FAULTS = (
    kernel("max_pool", "padded with 0", _zeros_around),
    kernel("max_pool", "padding in front alone", _late, model="integral"),
    kernel("max_pool", "a mean that counts padding", _average, model="integral"),
    kernel("max_pool", "taps side by side for dilated", _neighbours),
    kernel("resize", "corners aligned", _corners, model="pose2mesh"),
    kernel("resize", "half an element off", _half_off, model="pose2mesh"),
    kernel("resize", "nearest by rounding", _rounded),
    kernel("resize", "nearest for linear", _other_mode, model="pose2mesh"),
    kernel("sparse_matmul", "transposed where square", _transposed, model="graphcmr"),
    kernel("sparse_matmul", "of repeated entries the last", _overwritten),
    kernel("sparse_matmul", "last row left out", _one_row_less, model="pose2mesh"),
    kernel("sparse_matmul", "all entries 1", _structure, model="pose2mesh"),
    kernel("conv_transpose", "padding one too small", _back_padded, model="integral"),
)

"""Where the windows of clips begin that lie end to end, and their rows."""

from __future__ import annotations

import numpy as np

from bench.data.batches.padded import Index
from bench.data.batches.rows import Array


def starts(sizes: Index) -> Index:
    """Where each of several parts begins that lie end to end."""
    return np.cumsum(sizes) - sizes


def cut(
    length: int,
    outputs: int,
    stride: int,
) -> tuple[Index, Index]:
    """Offsets of a clip's windows, and for each its first output that no earlier one has given."""
    last = max(length - outputs, 0)
    offsets = np.arange(0, last + 1, stride)
    # with a larger stride gaps are meant, and the end is one of them
    if stride <= outputs and offsets[-1] < last:
        offsets = np.append(offsets, last)
    # before the first window lies none: as if one ended where it begins, all of it is new
    begin = np.maximum(0, outputs - np.diff(offsets, prepend=-outputs))
    return offsets, begin


def gather(
    rows: Array,
    starts: Index,
    count: int,
) -> Array:
    """(B, count * width): from each start, `count` consecutive rows."""
    width = count * rows.shape[1]
    if count == 1 or not width:
        return rows.take(starts, axis=0)
    # a window is one item of `width` floats, so that each is one straight copy
    view = np.ndarray(
        len(rows) - count + 1,
        dtype=f"V{width * 4}",
        buffer=rows,
        strides=rows.strides[:1],
    )
    return view[starts].view(np.float32)

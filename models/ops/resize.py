"""One axis brought to another length, as torch.nn.functional.interpolate does.

nearest: y[i] = x[floor(i n / length)], n being the old length; the quotient is taken in
float32, as PyTorch takes it. linear: centres of elements lie half an element behind their
index (align_corners false), y[i] = x at (i + 1/2) n / length - 1/2, between two elements by
its distance from them, and beyond the outermost that itself.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from models.dims import Shape, fixed, size
from models.nodes import FLOATS
from models.ops import Array, Op, per_element
from models.ops._axes import axis_of, positive, spliced
from models.ops._cases import Case, Rng, any_axis, case, one
from models.value import Value, emit

Mode = Literal["nearest", "linear"]


def resize(
    x: Value,
    *,
    axis: int,
    length: int,
    mode: str,
) -> Value:
    """x with `length` elements along `axis`; `mode` is nearest, or linear between two."""
    at = positive(axis, len(x.shape))
    return emit("resize", x, axis=at, length=length, mode=mode)


def shape(
    x: Shape,
    *,
    axis: int,
    length: int,
    mode: Mode,
) -> Shape:
    at = axis_of(axis, len(x))
    if length < 1:
        raise ValueError(f"length {length} must be 1 or more")
    # which elements meet is worked out as the graph is written
    if not isinstance(x[at], int) or x[at] == 0:
        raise ValueError(f"the length of axis {axis} must be known, and 1 or more")
    return spliced(x, at, length)


def dtype(
    x: str,
    *,
    axis: int,
    length: int,
    mode: Mode,
) -> str:
    if mode == "linear" and x not in FLOATS:
        raise ValueError(f"resize by linear takes floats, not {x}; use nearest")
    return x


def _nearest(n: int, length: int) -> Array:
    """The element that each new one is, (length,)."""
    places = np.arange(length, dtype=np.float32) * (np.float32(n) / np.float32(length))
    return np.minimum(places.astype(np.int64), n - 1)


def _shares(n: int, length: int) -> Array:
    """The share of each old element in each new one, (length, n), in parts of 2 length.

    Whole numbers, which every float holds: divided where the graph runs, the oracle has them
    with all of its digits.
    """
    parts = 2 * length
    places = np.maximum((2 * np.arange(length) + 1) * n - length, 0)
    low, beyond = np.divmod(places, parts)
    shares = np.zeros((length, n))
    rows = np.arange(length)
    shares[rows, low] += parts - beyond
    # behind the last element there is only itself
    shares[rows, np.minimum(low + 1, n - 1)] += beyond
    return shares


def reference(
    x: Array,
    *,
    axis: int,
    length: int,
    mode: Mode,
) -> Array:
    n = x.shape[axis]
    if mode == "nearest":
        return x.take(_nearest(n, length), axis)
    shares = (_shares(n, length) / (2 * length)).astype(x.dtype)
    return np.moveaxis(np.moveaxis(x, axis, -1) @ shares.T, -1, axis)


def body(
    x: Value,
    *,
    axis: int,
    length: int,
    mode: Mode,
) -> Value:
    n = fixed(x.shape[axis])
    if mode == "linear":
        return _between(x, axis, n, length)
    if length % n == 0:
        return x.repeat(times=length // n, axis=axis)
    index = x.graph.constant(f"resize.nearest_{n}_{length}", _nearest(n, length))
    return x.take(index, axis=axis)


def _between(
    x: Value,
    axis: int,
    n: int,
    length: int,
) -> Value:
    """A product with the table of shares, on the side that leaves x as it lies."""
    parts = x.graph.constant(f"resize.linear_{n}_{length}", _shares(n, length))
    shares = (parts / (2.0 * length)).astype(x.dtype)
    before, behind = size(x.shape[:axis]), size(x.shape[axis + 1 :])
    if axis == len(x.shape) - 1:
        flat = x.reshape((before, n)) @ shares.permute_dims((1, 0))
    else:
        flat = shares @ x.reshape((before, n, behind))
    return flat.reshape(spliced(x.shape, axis, length))


def random(
    rng: Rng,
    rank: int,
    example: Case,
) -> Case:
    shape, axis = any_axis(rng, rank)
    return example.redrawn(shape, axis=axis, length=one(rng, 1, 9))


CASES = tuple(
    case(x, axis=axis, length=length, mode=mode)
    for x, axis, length, mode in (
        ((2, 3, 4), 2, 7, "linear"),
        ((2, 3, 4), 1, 6, "nearest"),
        # to a length that no factor leads to
        ((2, 5, 3), 1, 8, "nearest"),
        ((2, 5, 3), 1, 3, "linear"),
        ((7, 2), 0, 3, "nearest"),
        ((4, 2), 0, 9, "linear"),
        ((3, 1), 1, 4, "linear"),
        ((5,), 0, 5, "linear"),
    )
)
OPS = {
    "resize": Op(
        shape=shape,
        reference=reference,
        cases=CASES,
        flops=per_element(3),
        method=resize,
        body=body,
        dtype=dtype,
        random=random,
        axes=("axis",),
    )
}

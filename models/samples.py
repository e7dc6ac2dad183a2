"""Losses of sets of samples, which no sample has for itself.

mmd: maximum mean discrepancy of two sets (Gretton et al., 2012), with inverse kernels of several
widths as invertible networks are trained (Ardizzone et al., ICLR 2019): k(d) = sum of
w^2 / (w^2 + d^2) over the widths w.
covariance: how far the samples of a point in the plane spread from what a detector says of it
(Wehrbein et al., ICCV 2021): a variance that is larger costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.dims import fixed
from models.value import Value


def mmd(one: Value, other: Value, *, widths: Sequence[float]) -> Value:
    """Scalar, of two sets (batch, n) that are paired by nothing; the pairs (i, i) count."""
    within = _kernel(one, one, widths) + _kernel(other, other, widths)
    across = _kernel(one, other, widths)
    return (within - across * 2.0).mean(axis=(0, 1), keepdims=False)


def covariance(points: Value, said: Value, *, sure: float) -> Value:
    """Scalar, of samples (b, h, 2, j) and variance x, covariance, variance y, (b, 3, j).

    Points of which neither variance is above `sure` count 0: the detector was certain.
    """
    free = fixed(points.shape[1]) - 1  # unbiased
    apart = points - points.mean(axis=1, keepdims=True)
    x, y = apart.unstack(axis=2)
    came = [
        (a * b).sum(axis=1, keepdims=False) / free for a, b in ((x, x), (x, y), (y, y))
    ]
    wide, slant, high = said.unstack(axis=1)
    short = ((wide - came[0]).relu(), slant - came[1], (high - came[2]).relu())
    distance = short[0].stack(*short[1:], axis=1).vector_norm(axis=1)  # (b, j)
    unsure = wide.greater(sure).logical_or(high.greater(sure)).astype(points.dtype)
    return (distance * unsure).mean(axis=(0, 1), keepdims=False)


def _kernel(one: Value, other: Value, widths: Sequence[float]) -> Value:
    """Likeness of every pair, (batch, batch)."""
    # by differences: products of points cancel in float32, and a point is 0 from itself
    apart = one.expand_dims(axis=1) - other.expand_dims(axis=0)
    square = (apart * apart).sum(axis=2, keepdims=False)
    total = _inverse(square, widths[0])
    for width in widths[1:]:
        total = total + _inverse(square, width)
    return total


def _inverse(square: Value, width: float) -> Value:
    return width**2 / (square + width**2)

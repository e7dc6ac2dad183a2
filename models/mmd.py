"""Maximum mean discrepancy: how far two sets of points are from one distribution.

Gretton et al. (2012), with inverse multiquadratic kernels of several widths, as INNs are trained
(Ardizzone et al., ICLR 2019): k(d) = sum over widths w of w^2 / (w^2 + d^2).
"""

from __future__ import annotations

from collections.abc import Sequence

from models.value import Value


def mmd(one: Value, other: Value, *, widths: Sequence[float]) -> Value:
    """Scalar, of two sets (batch, n) that are paired by nothing; the pairs (i, i) count."""
    within = _kernel(one, one, widths) + _kernel(other, other, widths)
    across = _kernel(one, other, widths)
    return (within - across * 2.0).mean(axis=(0, 1), keepdims=False)


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

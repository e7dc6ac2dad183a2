"""Joints that the truth lacks: NaN in truth and prediction alike, and counted by no metric.

Where nothing is missing nothing is computed otherwise, and no number is another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.metrics._facts import Array

LEAST = 3  # joints that a pose is aligned by; fewer fit nearly any other


def partly(true: Array) -> bool:
    """Whether poses (N, J, 3) lack a joint."""
    # one coordinate tells it: `_blocks.py` takes out all three
    return bool(np.isnan(true[..., 0]).any())


def enough(true: Array) -> NDArray[np.bool_]:
    """Which joints (N, J, 1) are there, in poses that are whole or have at least three."""
    there = ~np.isnan(true).any(axis=2, keepdims=True)
    count = there.sum(axis=1, keepdims=True)
    return there & ((count >= LEAST) | (count == true.shape[1]))


def means(errors: Array) -> tuple[Array, Array | None]:
    """Of each row of errors (N, B) the mean of those that are there (N,), and their share.

    The mean is NaN where none is there; the shares are None where all are.
    """
    found = errors.mean(axis=1)
    lacks = np.flatnonzero(np.isnan(found))
    if not len(lacks):
        return found, None
    part = errors[lacks]
    there = ~np.isnan(part)
    count = there.sum(axis=1)
    total = np.where(there, part, 0.0).sum(axis=1)
    some = count > 0
    found[lacks[some]] = total[some] / count[some]
    shares = np.ones(len(found))
    shares[lacks] = count / errors.shape[1]
    return found, shares


def mean(values: Array, shares: Array | None = None) -> float | None:
    """The mean of the finite values (N,), each by its share; None where there is none."""
    known = np.isfinite(values)
    if not known.any():
        return None
    if shares is None or (shares[known] == 1).all():
        return float(values[known].mean())
    return float((values * shares)[known].sum() / shares[known].sum())

"""The one comparison of the test suite.

It raises, says what came and what was due, and keeps its own frame out of the traceback.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def assert_close(
    actual: Any, due: Any, *, rtol: float, what: str, dtype: str | None = None
) -> None:
    """|actual - due| <= rtol * max |due| everywhere, and equal shapes.

    `what` names the op or node; `dtype` is asked for on its own, since oracles are wider
    than what they judge. NaN and infinity must lie at the same places. Raises
    AssertionError with both shapes and the worst index.
    """
    # pytest then ends the traceback in the test, where it was asked
    __tracebackhide__ = True
    came, wanted = np.asarray(actual), np.asarray(due)
    if came.shape != wanted.shape:
        raise AssertionError(f"{what}: shape {came.shape} came, {wanted.shape} was due")
    if dtype is not None and str(came.dtype) != dtype:
        raise AssertionError(
            f"{what}: dtype {came.dtype} came, {dtype} was due (shape {came.shape})"
        )
    excess = _error(came, wanted)
    if excess.size == 0:  # argmax refuses an empty array
        return
    worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
    largest = _largest(wanted)
    # `not <=`, so that a NaN that slipped in would raise too
    if not excess[worst] <= rtol * largest:
        at = ", ".join(map(str, worst))
        raise AssertionError(
            f"{what}: off by {excess[worst]:.3g} at [{at}], {came[worst]!r} came,"
            f" {wanted[worst]!r} was due; allowed {rtol:g} of the largest, {largest:.3g};"
            f" shapes {came.shape} came, {wanted.shape} due"
        )


def relative_error(actual: Any, due: Any) -> float:
    """Largest |actual - due| over the largest |due| (over 1 where everything due is 0)."""
    wanted = np.asarray(due)
    excess = _error(np.asarray(actual), wanted)
    if excess.size == 0:
        return 0.0
    return float(excess.max() / _largest(wanted))


def _error(came: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Element errors in float64.

    Infinite where only one side is not finite, or both differ in kind.
    """
    # float64 before the difference: unsigned and bool would wrap, halves would round it
    came, wanted = came.astype(np.float64), wanted.astype(np.float64)
    # equal infinities are due a zero, and their difference is NaN
    same = (came == wanted) | (np.isnan(came) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0.0, np.abs(came - wanted))
    return np.where(np.isnan(error), np.inf, error)


def _largest(wanted: np.ndarray) -> float:
    finite = wanted[np.isfinite(wanted)].astype(np.float64)
    largest = np.abs(finite).max(initial=0.0)
    return float(largest) if largest > 0 else 1.0

"""The one comparison of the test suite: it raises, says what came and what was due, and
keeps its own frame out of the traceback.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def assert_close(
    actual: Any, due: Any, *, rtol: float, what: str, dtype: str | None = None
) -> None:
    """|actual - due| <= rtol * max |due| everywhere, and equal shapes; `dtype` is asked for on its own: oracles are wider.

    `what` names the op or node. NaN and infinity must lie at the same places. Raises
    AssertionError with both shapes and the worst index.
    """
    __tracebackhide__ = True
    came, wanted = np.asarray(actual), np.asarray(due)
    if came.shape != wanted.shape:
        raise AssertionError(f"{what}: shape {came.shape} came, {wanted.shape} was due")
    if dtype is not None and str(came.dtype) != dtype:
        raise AssertionError(
            f"{what}: dtype {came.dtype} came, {dtype} was due (shape {came.shape})"
        )
    excess = _error(came, wanted)
    if excess.size == 0:
        return
    worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
    largest = _largest(wanted)
    if not excess[worst] <= rtol * largest:
        at = ", ".join(map(str, worst))
        raise AssertionError(
            f"{what}: off by {excess[worst]:.3g} at [{at}], {came[worst]!r} came,"
            f" {wanted[worst]!r} was due; allowed {rtol:g} of the largest, {largest:.3g};"
            f" shapes {came.shape} came, {wanted.shape} due"
        )


def relative_error(actual: Any, due: Any) -> float:
    """Largest |actual - due| over the largest |due| (over 1 where everything due is 0)."""
    excess = _error(np.asarray(actual), np.asarray(due))
    return float(excess.max() / _largest(np.asarray(due))) if excess.size else 0.0


def _error(came: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Element errors in float64; infinite where only one side is not finite, or both differ
    in kind.
    """
    came, wanted = came.astype(np.float64), wanted.astype(np.float64)
    same = (came == wanted) | (np.isnan(came) & np.isnan(wanted))
    with np.errstate(invalid="ignore"):
        error = np.where(same, 0.0, np.abs(came - wanted))
    return np.where(np.isnan(error), np.inf, error)


def _largest(wanted: np.ndarray) -> float:
    finite = np.abs(wanted[np.isfinite(wanted)].astype(np.float64))
    return float(finite.max()) if finite.size and finite.max() > 0 else 1.0

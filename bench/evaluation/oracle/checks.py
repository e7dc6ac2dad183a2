"""One comparison with the oracle as a check of the record, and what a failed one is called."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from bench.records import Check


def check(
    kind: str,
    name: str,
    error: float,
    bound: float,
    *,
    unit: str = "relative",
    note: str = "",
    graph: str = "infer",
    millimetres: float | None = None,
) -> Check:
    """An error against its bound; one that is no number has failed."""
    return Check(
        kind=kind,
        name=name,
        # JSON has neither infinity nor NaN
        error=error if np.isfinite(error) else None,
        bound=bound,
        ok=bool(error <= bound),
        unit=unit,
        graph=graph,
        millimetres=millimetres,
        note=note,
    )


def apart(came: ArrayLike, due: ArrayLike) -> float:
    """Largest absolute difference; infinite for another shape or what is no number."""
    mine, right = np.asarray(came, np.float64), np.asarray(due, np.float64)
    if mine.shape != right.shape:
        return float("inf")
    difference = float(np.abs(mine - right).max(initial=0.0))
    return difference if np.isfinite(difference) else float("inf")


def first_failure(checks: Iterable[Check]) -> str:
    """The first check that failed in one line; empty where all hold."""
    failed = next((check for check in checks if not check.ok), None)
    if failed is None:
        return ""
    off = "no number" if failed.error is None else f"{failed.error:.3g}"
    unit = "" if failed.unit == "relative" else f" {failed.unit}"
    note = f" ({failed.note})" if failed.note else ""
    return (
        f"{failed.kind}: {failed.name}: off by {off}{unit}, {failed.bound:.3g} was"
        f" allowed{note}"
    )

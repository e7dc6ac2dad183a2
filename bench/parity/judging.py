"""How a number of the ladder is judged.

Error against budget, as a check of the record and as a row of the trace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bench.parity import budget, traces
from bench.parity.oracle import Answer
from bench.records import Check

# outputs that are poses, and no parameter whose name begins like one
POSES = re.compile("(pose|hypotheses)(,|$)")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A check with what it was made on."""

    check: Check
    name: str  # in the trace, the same on every backend
    value: np.ndarray
    allowed: np.ndarray  # largest absolute difference, broadcast over the value
    scale: float = 1.0  # what relative errors of the value are relative to


def judge(
    kind: str,
    name: str,
    answer: Answer,
    *,
    graph: str,
    scale: float = 0.0,
) -> Judged:
    """Hold one value against the oracle's, within the budget that float32 NumPy sets.

    Errors are relative to the largest value due, or to `scale` where that is larger.
    """
    # Where all that is due is 0, the error is absolute.
    size = max(largest(answer.due), scale) or 1.0
    error = budget.error(answer.own, answer.due, scale=scale)
    yardstick = answer.apart / size
    bound = budget.bound(kind, yardstick)
    told = {
        "millimetres": _shift(answer) if POSES.match(name) else None,
        "note": f"float32 NumPy is off by {yardstick:.1e}",
    }
    return Judged(
        check=check(kind, name, error, bound, graph).model_copy(update=told),
        name=name,
        value=answer.own,
        allowed=np.array(bound * size),
        scale=size,
    )


def exact(kind: str, name: str, right: bool, *, graph: str, note: str = "") -> Judged:
    """What holds or does not: an error of 0 or 1, of which none is allowed."""
    found = check(kind, name, 0.0 if right else 1.0, 0.0, graph)
    return Judged(
        check=found.model_copy(update={"note": note, "unit": "yes or no"}),
        name=name,
        value=np.array(float(right)),
        allowed=np.zeros(()),
    )


def raised(rung: str, what: str) -> Judged:
    """A rung that could not be climbed to its end, because something raised."""
    found = check("raised", rung, float("nan"), 0.0, "train")
    return Judged(
        check=found.model_copy(update={"error": None, "note": what}),
        name=rung,
        value=np.zeros(()),
        allowed=np.zeros(()),
    )


def check(
    kind: str,
    name: str,
    error: float,
    bound: float,
    graph: str,
) -> Check:
    """An error against its bound."""
    return Check(
        kind=kind,
        name=name,
        error=error,
        # JSON has neither infinity nor NaN
        bound=bound if np.isfinite(bound) else 0.0,
        ok=bool(error <= bound),  # false where either is NaN
        graph=graph,
    )


def _shift(values: Answer) -> float | None:
    """The largest distance that a joint is off by, in mm; None where it is no length."""
    if values.own.shape != values.due.shape:
        return None
    if values.due.ndim == 4 and values.due.shape[-1] == 2:
        return None  # keypoints
    # Poses are in metres, some of them flat: (..., joints, 3) of both.
    apart = values.own - values.due
    joints = apart.reshape(len(apart), -1, 3)
    return float(np.linalg.norm(joints, axis=-1).max() * 1000)


def largest(array: np.ndarray) -> float:
    """The largest size in an array; 0 of none."""
    return float(np.abs(array).max(initial=0.0))


def thinned(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """Some entries of every array, in the order of the arrays, for the trace."""
    kept = [traces.thin(array) for array in arrays]
    return np.concatenate([array.astype(np.float64) for array in kept])

"""What must come out the same twice: to the bit, or near where the backend declares that."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.parity import budget
from bench.parity.judging import Judged, check, exact


def repeated(
    kind: str,
    name: str,
    before: Mapping[str, np.ndarray],
    after: Mapping[str, np.ndarray],
    *,
    reason: str,
    graph: str,
) -> Judged:
    """All arrays once more. `reason` is why the backend repeats no bits, empty where it does.

    With a reason they are held to the budget of their kind: to differ in a few roundings is
    declared, to be another answer is not.
    """
    differing = [one for one in before if not _equal(before[one], after.get(one))]
    if not differing or not reason:
        note = (
            f"{len(differing)} arrays differ, first {differing[0]}" if differing else ""
        )
        return exact(kind, name, not differing, graph=graph, note=note)
    errors = [
        budget.error(np.asarray(after.get(one, np.zeros((0, 0, 0)))), array)
        for one, array in before.items()
    ]
    worst, bound = max(errors), budget.bound(kind, 0.0)
    found = check(kind, name, worst, bound, graph)
    told = {"note": f"other bits, as declared: {reason}"}
    return Judged(
        check=found.model_copy(update=told),
        name=name,
        value=np.zeros(()),
        allowed=np.array(bound),
    )


def _equal(one: np.ndarray, other: np.ndarray | None) -> bool:
    return other is not None and np.array_equal(one, other, equal_nan=True)

"""How far a backend may be from the float64 oracle, and why: one table.

A bound is FACTOR times the error that plain float32 NumPy makes on the same numbers, or the
floor of the kind where that is larger. NumPy's error measures how badly the numbers are
conditioned; the factor allows another order of summation; the floor stands for the few
roundings that NumPy may avoid by luck. Errors are largest absolute differences, relative to
the largest absolute value due.
"""

from __future__ import annotations

import numpy as np

FACTOR = 4.0

# fmt: off
FLOORS: dict[str, tuple[float, str]] = {  # kind -> floor in float32, and why it is that
    "weights":          (0.0,  "weights are copied, not computed"),
    "node":             (1e-6, "one op: some ten roundings of 6e-8"),
    "gradient of node": (3e-6, "one op and its transpose"),
    "forward":          (5e-6, "tens of layers: roundings add up like a random walk"),
    "loss":             (5e-6, "as forward"),
    # small tensors are judged against a hundredth of the largest, zeros against all of it
    "gradient":         (1e-4, "backward through all layers"),
    "step":             (1e-5, "the update rule, relative to the largest update"),
    "update":           (1e-4, "as gradient: what moves is made of them"),
    "calls":            (5e-6, "as forward"),
    "state":            (5e-6, "sums over the batch"),
    "equivalence":      (5e-6, "the same sums in another order"),
    "third party":      (1e-5, "what is due was computed in float32, some in another order"),
    # Relative to the first loss. One ReLU that flips in one run of twelve moves it by up to
    # 2e-3 (64 runs, batch 4), far beyond the A/A runs where none of them flips; one step in
    # ten that is left out moves it by 1e-2 at least. What a step does is for `update` to say.
    "trajectory":       (4e-3, "a ReLU that flips, in few runs and without warning"),
}
# fmt: on

# Largest relative rounding of a type against float32's, whose significand has 24 bits; those
# of the others have 53, 11 and 8. For exams in another precision.
DTYPE_SCALE = {
    "float64": 2.0**-29,
    "float32": 1.0,
    "float16": 2.0**13,
    "bfloat16": 2.0**16,
}


def bound(kind: str, float32_error: float, *, dtype: str = "float32") -> float:
    """The error budget of one comparison.

    An oracle that is itself not finite gives no budget at all.
    """
    if not np.isfinite(float32_error):
        return FLOORS[kind][0]
    return max(FLOORS[kind][0] * DTYPE_SCALE[dtype], FACTOR * float32_error)


def error(
    actual: np.ndarray,
    due: np.ndarray,
    *,
    scale: float = 0.0,
) -> float:
    """Largest |actual - due| over the largest |due|, or over `scale` where that is larger.

    It is inf for another shape or a NaN on one side.
    """
    # Before the subtraction, which would broadcast.
    if actual.shape != due.shape:
        return float("inf")
    if due.size == 0:
        return 0.0
    # Integers and truth values as well: none of them may wrap around.
    came = np.asarray(actual, np.float64)
    difference = np.abs(came - np.asarray(due, np.float64))
    if not np.isfinite(difference).all():
        return float("inf")
    largest = max(float(np.max(np.abs(due), initial=0.0)), scale)
    worst = float(difference.max())
    return worst / largest if largest else worst

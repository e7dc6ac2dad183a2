"""Answers to the op exam, each held against the op's definition: a row of the record.

What a backend is asked, and in how many programs, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.coordinator.job import Death
from bench.exam import bias, roughness
from bench.exam.probe import Probe, Results
from bench.exam.question import Answer, Question, promised, shapes
from bench.exam.roughness import Runs
from bench.parity import budget
from bench.parity.judging import largest
from bench.parity.rungs.gradient import CANCELLED, NEAR_ZERO
from bench.processes.blame import said
from bench.records import ExamRow
from models import ops
from models.graph import FLOATS

Arrays = Sequence[np.ndarray]


class Off(NamedTuple):
    """How far a result is off, and may be."""

    error: float
    bound: float
    overflows: bool = False  # in NumPy, op by op in the type

    def excess(self) -> float:
        """The error in bounds."""
        if self.bound:
            return self.error / self.bound
        return float("inf") if self.error else 0.0


def shape(answer: Answer) -> ExamRow:
    """Whether the results have the shapes of the definition's."""
    came, due = shapes(answer.results), shapes(answer.question.due)
    return _exact(answer.question, "shape", came, due)


def dtype(answer: Answer) -> ExamRow:
    """Whether the results have the types that the rules promise."""
    came = [str(result.dtype) for result in answer.results]
    due = [type_.dtype for type_ in promised(answer.question.probe)]
    return _exact(answer.question, "dtype", came, due)


def value(answer: Answer, again: Results, roughs: Runs[Results]) -> ExamRow:
    """Whether the results are near enough to the definition's, at the last call too.

    `roughs` are what float32 makes of them.
    """
    question = answer.question
    due = question.due
    first = compare(question, "value", answer.results, due, roughs)
    last = compare(question, "value", again, due, roughs)
    if first.result == "passed" and last.result == "failed":
        return last.model_copy(
            update={"note": "right at first, wrong when asked again"}
        )
    return first


def mean(answer: Answer, roughs: Runs[Results]) -> ExamRow | None:
    """Whether results in a half are right on average; None of too few to tell."""
    question = answer.question
    dtype, operands = question.probe.dtype, question.probe.operands
    alike = all(np.shape(one) == question.due[0].shape for one in operands)
    found = [
        bias.judged(came, due, roughs.at(i).half, dtype, alike=alike)
        for i, (came, due) in enumerate(zip(answer.results, question.due, strict=True))
        if due.dtype.kind == "f"
    ]
    judged = [one for one in found if one is not None]
    if not judged or moves(question):
        return None
    worst = max(judged, key=lambda one: one.error / one.bound)
    right = worst.error <= worst.bound
    return _row(question, "bias", right, error=worst.error, bound=worst.bound)


def compare(
    question: Question,
    asked: str,
    came: Arrays,
    due: Arrays,
    roughs: Runs[Results],
) -> ExamRow:
    """The result that is worst against its own budget."""
    found: list[Off] = []
    for i, array in enumerate(due):
        near = roughs.at(i)
        if moves(question):
            array = _as(array, promised(question.probe)[i].dtype)
        found.append(_error(question, asked, came[i], array, near, scale=0.0))
    # each against its own: the largest error may have the largest budget
    return _worst(question, asked, max(found, key=Off.excess))


def slope(
    question: Question,
    came: Mapping[str, np.ndarray],
    due: Mapping[str, np.ndarray],
    roughs: Runs[dict[str, np.ndarray]],
) -> ExamRow:
    """The gradient that is worst against its own budget.

    One that cancels is judged against the largest of the op's, as in the ladder.
    """
    most = max(largest(array) for array in due.values())
    # of fewer digits, more is left of what is zero by mathematics
    zero = CANCELLED * budget.DTYPE_SCALE[_coarsest(question.probe)]
    found: list[Off] = []
    # by name: a backend may have its parameters in another order
    for name, array in due.items():
        near = roughs.at(name)
        cancelled = largest(array) < zero * most
        scale = most * (1.0 if cancelled else NEAR_ZERO)
        off = _error(question, "gradient", came[name], array, near, scale=scale)
        found.append(off)
    return _worst(question, "gradient", max(found, key=Off.excess))


def _as(array: np.ndarray, dtype: str) -> np.ndarray:
    with np.errstate(over="ignore"):  # infinite is what the type holds of it
        return np.asarray(array, dtype)


def _error(
    question: Question,
    asked: str,
    came: np.ndarray,
    due: np.ndarray,
    roughs: Runs[np.ndarray],
    *,
    scale: float,
) -> Off:
    """How far one array is off, and may be."""
    coarsest = _coarsest(question.probe)
    least = max(scale, roughness.TINIEST.get(coarsest, 0.0))

    def off(array: np.ndarray) -> float:
        own, exact = roughness.settled(array, due, coarsest)
        return budget.error(own, exact, scale=least)

    if asked != "gradient" and moves(question):
        return Off(off(came), 0.0)
    kind = "gradient of node" if asked == "gradient" else "node"
    # NumPy's own errors tell how badly these numbers are conditioned
    full = [off(run) * budget.DTYPE_SCALE[coarsest] for run in roughs.full]
    half = list(map(off, roughs.half))
    yardstick = max(filter(np.isfinite, [*full, *half]), default=0.0)
    bound = budget.bound(kind, yardstick, dtype=coarsest)
    return Off(off(came), bound, overflows=not np.isfinite(half).all())


def _worst(question: Question, asked: str, worst: Off) -> ExamRow:
    right = worst.error <= worst.bound
    reason = ""
    if worst.overflows:
        reason = f"{question.dtype} overflows on the way, where nothing wider is inside"
    return _row(
        question, asked, right, error=worst.error, bound=worst.bound, excuse=reason
    )


def moves(question: Question) -> bool:
    """Whether the op moves numbers and computes none: nothing is rounded but to a type."""
    return ops.get(question.probe.op).flops is ops.free


def raised(
    question: Question,
    asked: str,
    error: Exception,
) -> ExamRow:
    """What a backend raises is a wrong answer."""
    return _row(question, asked, False, note=said(error))


def died(question: Question, death: Death) -> ExamRow:
    """A question that has ended the worker: it has failed what it was at."""
    row = _row(question, death.part, False, note=death.reason)
    return row.model_copy(update={"ended": death.status})


def _exact(
    question: Question,
    asked: str,
    came: object,
    due: object,
) -> ExamRow:
    right = came == due
    return _row(
        question, asked, right, note="" if right else f"{came} came, {due} was due"
    )


def _coarsest(probe: Probe) -> str:
    """The float type with the fewest digits on the way; exact types do not round."""
    met = [probe.dtype, *(type_.dtype for type_ in promised(probe))]
    floats = [name for name in met if name in FLOATS]
    return max(floats, key=budget.DTYPE_SCALE.__getitem__)


def _row(
    question: Question,
    asked: str,
    right: bool,
    *,
    error: float | None = None,
    bound: float | None = None,
    note: str = "",
    excuse: str = "",
) -> ExamRow:
    """A judged answer; an `excuse` is why a wrong one is due to no fault of the backend."""
    result, gap = "passed" if right else "failed", question.gap(asked)
    if gap is not None and right and not (gap.varies or question.by_luck(asked)):
        # what is known to be wrong must be wrong: a gap that has closed hides the next one
        result = "failed"
        note = (
            f"declared gap passes, remove it from the gaps of {question.backend.name}:"
            f" {gap.reason}"
        )
    elif gap is not None and not right:
        result, note = "gap", gap.reason
    elif not right and (reason := excuse or question.inherited(asked)):
        result, note = "gap", reason
    return ExamRow(
        op=question.probe.op,
        case=question.case,
        question=asked,  # type: ignore[arg-type]  # pydantic checks the words
        mode=question.mode,  # type: ignore[arg-type]
        dtype=question.dtype,
        result=result,  # type: ignore[arg-type]
        error=error,
        bound=bound,
        note=note,
    )

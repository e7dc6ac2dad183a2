"""Answers to the op exam, each held against the op's definition: a row of the record.

What a backend is asked, and in how many programs, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from backends.base import Backend, Gap, Settings
from bench.exam import bias, roughness
from bench.exam.draws import weights_for
from bench.exam.probe import Probe, Results
from bench.exam.questions import Asked
from bench.exam.roughness import Runs
from bench.parity import budget
from bench.parity.judging import largest
from bench.parity.rungs.gradient import CANCELLED, NEAR_ZERO
from bench.processes.blame import said
from bench.records import ExamRow
from models import ops
from models.graph import FLOATS, Type
from models.passes import decompose

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


@dataclass(frozen=True)
class Question:
    """One case of one op on one backend."""

    backend: Backend
    settings: Settings
    probe: Probe
    case: str
    # the same with other numbers, or on longer axes: put to the same programs
    others: tuple[Question, ...] = ()
    arranged: bool = False  # in another way than written down
    slopes: bool = True  # whether gradients are asked for, where there are any
    beside: str = ""  # case of the question that this one is among the others of

    def sheet(self) -> list[Question]:
        """This question, then the others."""
        return [self, *self.others]

    @property
    def mode(self) -> str:
        """How the program runs, as the backend calls it."""
        for mode, compiled in self.backend.modes.items():
            if compiled == self.settings.compiled:
                return mode
        return "eager"

    @property
    def dtype(self) -> str:
        """The float type where there are floats, else that of the first input.

        Where that is a condition, it is the type of the result.
        """
        if self.probe.differentiable():
            return self.probe.dtype
        first = next(iter(self.probe.arrays().values()))
        # of `where` without floats, what matters is what it chooses between
        return (
            promised(self.probe)[0].dtype
            if first.dtype == np.bool_
            else str(first.dtype)
        )

    @cached_property
    def due(self) -> Results:
        """What the definition gives in float64."""
        with np.errstate(all="ignore"):  # infinite is an answer too
            return self.probe.reference(np.float64)

    @cached_property
    def weights(self) -> Results:
        """What makes one number of the results, to differentiate."""
        return weights_for(self.due, seed=1)

    def gap(self, asked: str) -> Gap | None:
        """Why a wrong answer is due, if one is."""
        return self._gap_of(self.probe.op, asked, self.case)

    def by_luck(self, asked: str) -> bool:
        """Whether a right answer leaves a gap open: it is about the case in any numbers."""
        return bool(self.beside) and bool(
            self._gap_of(self.probe.op, asked, self.beside)
        )

    def inherited(self, asked: str) -> str:
        """Why a composition that runs by its body may be wrong: an op of that body has a gap.

        Nobody declares it for each composition, so a right answer is right all the same. Empty
        where there is no such reason.
        """
        op = self.probe.op
        if ops.get(op).body is None or op in self.backend.kernels:
            return ""
        for inner in decompose(self.probe.graph(), has=self.backend.kernels).census():
            # The case is the composition's: gaps of some cases alone are not found by it.
            if gap := self._gap_of(inner, asked, ""):
                return f"{inner}, of which it is made: {gap.reason}"
        return ""

    def _gap_of(self, op: str, asked: str, case: str) -> Gap | None:
        whole = self.backend.gaps.items()
        of_ops = [Gap(name, reason) for name, reason in whole]
        about = {"dtype": self.dtype, "mode": self.mode, "question": asked}
        for gap in (*self.backend.part_gaps, *of_ops):
            if gap.fits(op=op, case=case, **about):
                return gap
        return None

    def differentiable(self) -> bool:
        """Whether gradients are asked for."""
        # an open axis has no number of weights, and what is infinite has no slope
        if (
            not self.slopes
            or self.probe.symbolic
            or not self.probe.has_gradient(self.due)
        ):
            return False
        return roughness.finite(self.due, self.probe.dtype)

    def has_two_ways(self) -> bool:
        """Whether there is a body beside the backend's own kernel, to hold it against."""
        if self.arranged:
            return False  # bodies are made of ops that are arranged themselves
        # a primitive has no body, and a composition without a kernel runs by it anyway
        composed = ops.get(self.probe.op).body is not None
        return composed and self.probe.op in self.backend.kernels


def question(backend: Backend, settings: Settings, asked: Asked) -> Question:
    """A paper as it is put to a backend."""
    others = tuple(
        Question(backend, settings, probe, case, beside=asked.case)
        for probe, case in asked.others
    )
    return Question(
        backend,
        settings,
        asked.probe,
        asked.case,
        others,
        arranged=asked.arranged,
        slopes=asked.slopes,
    )


def renamed(question: Question, said: str) -> Question:
    """The same, with something said of each of its cases."""
    sheet = [replace(one, case=f"{one.case} {said}") for one in question.sheet()]
    others = tuple(replace(one, beside=sheet[0].case) for one in sheet[1:])
    return replace(sheet[0], others=others)


@dataclass(frozen=True)
class Answer:
    """What came of a question."""

    question: Question
    results: Results

    def sound(self) -> bool:
        """Whether shapes are right: only then is there anything more to ask."""
        return _shapes(self.results) == _shapes(self.question.due)


def promised(probe: Probe) -> tuple[Type, ...]:
    """What the rules promise, for lengths as they are."""
    types = [
        Type(x.shape, probe.declared(x))
        if isinstance(x, np.ndarray)
        else Type((), "literal")
        for x in probe.operands
    ]
    return ops.infer(probe.op, types, probe.attributes)


def shape(answer: Answer) -> ExamRow:
    """Whether the results have the shapes of the definition's."""
    came, due = _shapes(answer.results), _shapes(answer.question.due)
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
    dtype, shapes = question.probe.dtype, map(np.shape, question.probe.operands)
    alike = all(shape == question.due[0].shape for shape in shapes)
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
    worst = Off(0.0, 1.0)
    for i, array in enumerate(due):
        near = roughs.at(i)
        if moves(question):
            array = _as(array, promised(question.probe)[i].dtype)
        found = _error(question, asked, came[i], array, near, scale=0.0)
        # each against its own: the largest error may have the largest budget
        worst = max(worst, found, key=Off.excess)
    return _worst(question, asked, worst)


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
    worst = Off(0.0, 1.0)
    # by name: a backend may have its parameters in another order
    for name, array in due.items():
        near = roughs.at(name)
        cancelled = largest(array) < zero * most
        scale = most * (1.0 if cancelled else NEAR_ZERO)
        found = _error(question, "gradient", came[name], array, near, scale=scale)
        worst = max(worst, found, key=Off.excess)
    return _worst(question, "gradient", worst)


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


def _shapes(arrays: Arrays) -> list[tuple[int, ...]]:
    return [array.shape for array in arrays]


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
    if gap is not None and right and not question.by_luck(asked):
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

"""Answers to the op exam, each held against the op's definition: a row of the record.

What a backend is asked, and in how many programs, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backends.base import Backend, Gap, Settings
from bench.exam.draws import weights_for
from bench.exam.probe import Probe, Results
from bench.parity import budget
from bench.records import ExamRow
from models import ops
from models.graph import FLOATS, Type
from models.passes import decompose

Arrays = Sequence[np.ndarray]


@dataclass(frozen=True)
class Question:
    """One case of one op on one backend."""

    backend: Backend
    settings: Settings
    probe: Probe
    case: str

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
        return self.probe.reference(np.float64)

    @cached_property
    def rough(self) -> Results:
        """How near float32 NumPy comes to it."""
        return self.probe.reference(np.float32)

    @cached_property
    def weights(self) -> Results:
        """What makes one number of the results, to differentiate."""
        return weights_for(self.due, seed=1)

    def gap(self, asked: str) -> Gap | None:
        """Why a wrong answer is due, if one is."""
        return self._gap_of(self.probe.op, asked, self.case)

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
        # an open axis has no number of weights
        return not self.probe.symbolic and self.probe.has_gradient(self.due)

    def has_two_ways(self) -> bool:
        """Whether there is a body beside the backend's own kernel."""
        # a primitive has no body, and a composition without a kernel runs by it anyway
        composed = ops.get(self.probe.op).body is not None
        return composed and self.probe.op in self.backend.kernels


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


def value(answer: Answer) -> ExamRow:
    """Whether the results are near enough to the definition's."""
    question = answer.question
    return compare(question, "value", answer.results, question.due, question.rough)


def compare(
    question: Question,
    asked: str,
    came: Arrays,
    due: Arrays,
    rough: Arrays,
) -> ExamRow:
    """The result that is worst against its own budget."""
    kind = "gradient of node" if asked == "gradient" else "node"
    coarsest = _coarsest(question.probe)
    errors: list[tuple[float, float]] = []
    for result, array, near in zip(came, due, rough, strict=True):
        # NumPy's own error tells how badly these numbers are conditioned
        scaled = budget.error(near, array) * budget.DTYPE_SCALE[coarsest]
        bound = budget.bound(kind, scaled, dtype=coarsest)
        errors.append((budget.error(result, array), bound))
    # each against its own: the largest error may have the largest budget
    error, bound = max(errors, key=lambda pair: pair[0] / pair[1])
    return _row(question, asked, error <= bound, error=error, bound=bound)


def raised(
    question: Question,
    asked: str,
    error: Exception,
) -> ExamRow:
    """What a backend raises is a wrong answer."""
    # frameworks write pages; the first words name the cause
    text = " ".join(str(error).split())[:200]
    return _row(question, asked, False, note=f"{type(error).__name__}: {text}")


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
) -> ExamRow:
    """A judged answer."""
    result, gap = "passed" if right else "failed", question.gap(asked)
    if gap is not None and right:
        # what is known to be wrong must be wrong: a gap that has closed hides the next one
        result = "failed"
        note = (
            f"declared gap passes, remove it from the gaps of {question.backend.name}:"
            f" {gap.reason}"
        )
    elif gap is not None:
        result, note = "gap", gap.reason
    elif not right and (reason := question.inherited(asked)):
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

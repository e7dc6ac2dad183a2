"""A question of the op exam: a case, whom it is put to, what is due and what excuses it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from backends.base import Backend, Gap, Settings
from bench.exam import roughness
from bench.exam.draws import weights_for
from bench.exam.probe import Probe, Results
from bench.exam.questions import Asked
from models import ops
from models.graph import Type
from models.passes import decompose


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
        about = {
            "dtype": self.dtype,
            "mode": self.mode,
            "question": asked,
            "device": self.settings.device,
        }
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


def put(backend: Backend, settings: Settings, asked: Asked) -> Question:
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
        return shapes(self.results) == shapes(self.question.due)


def promised(probe: Probe) -> tuple[Type, ...]:
    """What the rules promise, for lengths as they are."""
    types = [
        Type(x.shape, probe.declared(x))
        if isinstance(x, np.ndarray)
        else Type((), "literal")
        for x in probe.operands
    ]
    return ops.infer(probe.op, types, probe.attributes)


def shapes(arrays: Results) -> list[tuple[int, ...]]:
    """Of each result."""
    return [array.shape for array in arrays]

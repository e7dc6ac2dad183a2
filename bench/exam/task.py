"""The op exam: what a backend answers to each question, judged; shape, dtype, value,
gradient, and kernel against body asked apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from backends.base import Backend, Gap, Settings
from bench.coordinator.job import Finding, Job, Progress
from bench.exam import probe as programs
from bench.exam import questions as papers
from bench.exam.probe import Arrays, Probe, has_gradient, weights_for
from bench.exam.questions import Part
from bench.parity import budget
from bench.records import Exam, ExamRow
from models import ops
from models.graph import FLOATS, Type

TOGETHER = 48  # questions in one program, which is compiled once for all of them
Q = TypeVar("Q")
T = TypeVar("T")
Results = Sequence[np.ndarray]


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
        return next(
            (
                mode
                for mode, compiled in self.backend.modes.items()
                if compiled == self.settings.compiled
            ),
            "eager",
        )

    @property
    def dtype(self) -> str:
        """The float type where there are floats, else that of the first input; of the
        result where that is a condition.
        """
        if self.probe.differentiable():
            return self.probe.dtype
        first = next(iter(self.probe.arrays().values()))
        return _types(self.probe)[0].dtype if first.dtype == np.bool_ else str(first.dtype)

    def gap(self, asked: str) -> Gap | None:
        """Why a wrong answer is due, if one is."""
        known = (
            *self.backend.part_gaps,
            *(Gap(op, reason) for op, reason in self.backend.gaps.items()),
        )
        about = {
            "op": self.probe.op,
            "dtype": self.dtype,
            "mode": self.mode,
            "case": self.case,
        }
        return next((gap for gap in known if gap.fits(question=asked, **about)), None)


@dataclass(frozen=True)
class Answer:
    """What came, what was due in float64, and how near float32 NumPy comes to it."""

    question: Question
    results: Results
    due: Results
    rough: Results


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Ask everything; the exam fails where an answer is wrong that is no known gap, or a
    known gap is closed.
    """
    names = list(dict.fromkeys(job.config.ops)) or list(ops.table())
    parts, left_out = papers.plan(job.config.exam, backend.modes)
    rows: list[ExamRow] = []
    for done, (mode, part) in enumerate(parts.items()):
        settings = Settings(device=device, compiled=backend.modes[mode])
        asked = [
            Question(backend, settings, *one)
            for name in names
            for one in papers.questions(name, part, seed=job.config.seed)
        ]
        for i in range(0, len(asked), TOGETHER):
            progress(f"{mode}: {asked[i].probe.op}", (done + i / len(asked)) / len(parts))
            rows += examine_all(asked[i : i + TOGETHER])
    progress("done", 1.0)
    wrong = sorted({row.op for row in rows if row.result == "failed"})
    payload = Exam(rows=tuple(rows), gaps=dict(backend.gaps), left_out=left_out)
    return Finding(
        payload,
        "failed" if wrong else "ok",
        f"wrong answers: {', '.join(wrong)}" if wrong else "",
    )


def probes(name: str) -> Iterator[tuple[Probe, str]]:
    """All that is asked of an op in float32, int64 and bool, by its own cases."""
    return papers.questions(name, Part(("float32", "int64", "bool")))


def examine(question: Question) -> list[ExamRow]:
    """The rows of one case. A backend that raises has failed its value."""
    return examine_all([question])


def examine_all(questions: Sequence[Question]) -> list[ExamRow]:
    """The rows of cases that are asked in the same mode, case by case."""
    rows: dict[int, list[ExamRow]] = {}
    sound: dict[int, Answer] = {}
    for i, results in enumerate(together(_run, questions, "value")):
        if isinstance(results, Exception):
            rows[i] = [_raised(questions[i], "value", results)]
            continue
        answer = Answer(
            questions[i],
            results,
            questions[i].probe.reference(np.float64),
            questions[i].probe.reference(np.float32),
        )
        rows[i] = [
            _shape(answer),
            _dtype(answer),
            _compare(answer, "value", results, answer.due, answer.rough),
        ]
        if _same_shapes(answer):
            sound[i] = answer
    for asked in (_kernels, _gradients):
        for i, row in asked(sound):
            rows[i].append(row)
    return [row for i in range(len(questions)) for row in rows[i]]


def together(
    ask: Callable[[Sequence[Question]], Sequence[T]],
    questions: Sequence[Question],
    asked: str,
) -> list[T | Exception]:
    """Answers in the order of the questions, from as few programs as can be: where one
    raises, each half is asked again.

    Questions with a known gap are asked alone, so that they spoil no program; those with
    open axes, which are run at two lengths, apart.
    """
    groups: dict[int, list[int]] = {}
    for i, question in enumerate(questions):
        groups.setdefault(
            i if question.gap(asked) else -1 if question.probe.symbolic else -2, []
        ).append(i)
    found: dict[int, T | Exception] = {}
    for group in groups.values():
        found |= zip(group, halved(ask, [questions[i] for i in group]), strict=True)
    return [found[i] for i in range(len(questions))]


def halved(
    ask: Callable[[Sequence[Q]], Sequence[T]], questions: Sequence[Q]
) -> list[T | Exception]:
    """Answers to all at once; where that raises, those of each half; what a single question
    raises is its answer.
    """
    if not questions:
        return []
    try:
        return list(ask(questions))
    except Exception as error:  # whatever a framework raises is its answer
        if len(questions) == 1:
            return [error]
    middle = len(questions) // 2
    return [*halved(ask, questions[:middle]), *halved(ask, questions[middle:])]


def _run(questions: Sequence[Question]) -> list[tuple[np.ndarray, ...]]:
    first = questions[0]
    return programs.run(
        [question.probe for question in questions], first.backend, first.settings
    )


def _shape(answer: Answer) -> ExamRow:
    came, wanted = (
        [result.shape for result in answer.results],
        [array.shape for array in answer.due],
    )
    return _row(
        answer.question,
        "shape",
        came == wanted,
        note="" if came == wanted else f"{came} came, {wanted} was due",
    )


def _same_shapes(answer: Answer) -> bool:
    return [result.shape for result in answer.results] == [
        array.shape for array in answer.due
    ]


def _dtype(answer: Answer) -> ExamRow:
    came, wanted = (
        [str(result.dtype) for result in answer.results],
        [type_.dtype for type_ in _types(answer.question.probe)],
    )
    return _row(
        answer.question,
        "dtype",
        came == wanted,
        note="" if came == wanted else f"{came} came, {wanted} was due",
    )


def _types(probe: Probe) -> tuple[Type, ...]:
    """What the rules promise, for lengths as they are."""
    tensors = (
        (
            Type(x.shape, probe.declared(x))
            if isinstance(x, np.ndarray)
            else Type((), "literal")
        )
        for x in probe.operands
    )
    return ops.infer(probe.op, list(tensors), probe.attributes)


def _compare(
    answer: Answer, asked: str, came: Results, due: Results, rough: Results
) -> ExamRow:
    """Worst result against its own budget."""
    kind = "gradient of node" if asked == "gradient" else "node"
    scale = _coarsest(answer.question.probe)
    pairs = [
        (
            budget.error(result, array),
            budget.bound(
                kind, budget.error(other, array) * budget.DTYPE_SCALE[scale], dtype=scale
            ),
        )
        for result, array, other in zip(came, due, rough, strict=True)
    ]
    error, bound = max(pairs, key=lambda pair: pair[0] / pair[1])
    return _row(answer.question, asked, error <= bound, error=error, bound=bound)


def _coarsest(probe: Probe) -> str:
    """The float type with the fewest digits on the way; exact types do not round."""
    met = [probe.dtype, *(type_.dtype for type_ in _types(probe))]
    return max(
        (dtype for dtype in met if dtype in FLOATS), key=budget.DTYPE_SCALE.__getitem__
    )


def _kernels(sound: dict[int, Answer]) -> Iterator[tuple[int, ExamRow]]:
    """Native kernels of compositions against the bodies they stand for."""

    def ask(questions: Sequence[Question]) -> list[tuple[np.ndarray, ...]]:
        return programs.run(
            [question.probe for question in questions],
            questions[0].backend,
            questions[0].settings,
            body=True,
        )

    native = {
        i: a
        for i, a in sound.items()
        if ops.get(a.question.probe.op).body
        and a.question.probe.op in a.question.backend.kernels
    }
    bodies = together(ask, [answer.question for answer in native.values()], "kernel")
    for (i, answer), body in zip(native.items(), bodies, strict=True):
        if isinstance(body, Exception):
            yield i, _raised(answer.question, "kernel", body)
        else:
            yield i, _compare(answer, "kernel", answer.results, body, answer.rough)


def _gradients(sound: dict[int, Answer]) -> Iterator[tuple[int, ExamRow]]:
    """Gradients of a weighted sum of the results against those of the gradient graph in
    NumPy.
    """
    smooth = {i: answer for i, answer in sound.items() if _differentiable(answer)}
    weights = {
        id(answer.question): weights_for(answer.due, seed=1) for answer in smooth.values()
    }

    def ask(questions: Sequence[Question]) -> list[Arrays]:
        first, own = questions[0], [weights[id(question)] for question in questions]
        return programs.gradients(
            [question.probe for question in questions], first.backend, first.settings, own
        )

    asked = [answer.question for answer in smooth.values()]
    exact, rough = (
        _oracle(asked, [weights[id(question)] for question in asked], working)
        for working in ("fp64", "fp32")
    )
    for (i, answer), came, due, near in zip(
        smooth.items(), together(ask, asked, "gradient"), exact, rough, strict=True
    ):
        if isinstance(came, Exception):
            yield i, _raised(answer.question, "gradient", came)
        else:
            yield (
                i,
                _compare(
                    answer,
                    "gradient",
                    [came[n] for n in due],
                    [*due.values()],
                    [near[n] for n in due],
                ),
            )


def _oracle(
    questions: Sequence[Question], weights: Sequence[Results], working: str
) -> list[Arrays]:
    return (
        programs.oracle_gradients(
            [question.probe for question in questions], weights, working
        )
        if questions
        else []
    )


def _differentiable(answer: Answer) -> bool:
    probe = answer.question.probe
    return (
        not probe.symbolic
        and probe.differentiable()
        and has_gradient(probe.op)
        and answer.due[0].dtype.kind == "f"
    )


def _raised(question: Question, asked: str, error: Exception) -> ExamRow:
    return _row(
        question,
        asked,
        False,
        note=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
    )


def _row(
    question: Question,
    asked: str,
    right: bool,
    *,
    error: float | None = None,
    bound: float | None = None,
    note: str = "",
) -> ExamRow:
    """A judged answer.

    What is known to be wrong must be wrong: a gap that has closed hides the next one.
    """
    result, gap = "passed" if right else "failed", question.gap(asked)
    if gap is not None:
        result = "failed" if right else "gap"
        note = (
            f"declared gap passes, remove it from the gaps of {question.backend.name}:"
            f" {gap.reason}"
            if right
            else gap.reason
        )
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

"""The op exam: what a backend answers to each question, judged.

Shape, dtype, value, gradient, and kernel against body are asked apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.base import Backend, Settings
from bench.coordinator.job import Finding, Job, Progress
from bench.exam import judge
from bench.exam import probe as programs
from bench.exam import questions as papers
from bench.exam.asking import together
from bench.exam.judge import Answer, Question
from bench.exam.probe import Arrays, Results
from bench.exam.questions import Part
from bench.records import Exam, ExamRow
from models import ops

# Questions in one program: enough to share a compilation, few enough to be halved quickly
# where one raises.
TOGETHER = 48
Numbered = tuple[int, ExamRow]  # the question that it belongs to, counted from 0


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
) -> Finding:
    """Ask everything.

    The exam fails where an answer is wrong that is no known gap, or a known gap is closed.
    """
    parts, left_out = papers.plan(job.config.exam, backend.modes)
    rows: list[ExamRow] = []
    for done, (mode, part) in enumerate(parts.items()):
        settings = Settings(device=device, compiled=backend.modes[mode])
        asked = list(_asked(job, backend, settings, part))
        for i in range(0, len(asked), TOGETHER):
            share = (done + i / len(asked)) / len(parts)
            progress(f"{mode}: {asked[i].probe.op}", share)
            rows += examine_all(asked[i : i + TOGETHER])
    progress("done", 1.0)
    payload = Exam(
        rows=tuple(rows),
        gaps=dict(backend.gaps),
        left_out=left_out,
        customary=next(iter(backend.modes)),
    )
    wrong = sorted({row.op for row in rows if row.result == "failed"})
    if wrong:
        return Finding(payload, "failed", f"wrong answers: {', '.join(wrong)}")
    return Finding(payload, "ok", "")


def _asked(
    job: Job,
    backend: Backend,
    settings: Settings,
    part: Part,
) -> Iterator[Question]:
    """All of one mode, op by op: of the ops that are named, or of every op."""
    for name in dict.fromkeys(job.config.ops) or ops.table():
        for probe, case in papers.questions(name, part, seed=job.config.seed):
            yield Question(backend, settings, probe, case)


def examine_all(questions: Sequence[Question]) -> list[ExamRow]:
    """The rows of cases that are asked in the same mode, case by case.

    A backend that raises has failed the value of the case.
    """
    rows: dict[int, list[ExamRow]] = {}
    sound: dict[int, Answer] = {}
    for i, came in enumerate(together(_values, questions, "value")):
        if isinstance(came, Exception):
            rows[i] = [judge.raised(questions[i], "value", came)]
            continue
        answer = Answer(questions[i], came)
        rows[i] = [
            judge.shape(answer),
            judge.dtype(answer),
            judge.value(answer),
        ]
        if answer.sound():
            sound[i] = answer
    # whole programs again, so each kind of question is asked of all cases at once
    for asked in (_kernels, _gradients):
        for i, row in asked(sound):
            rows[i].append(row)
    return [row for i in range(len(questions)) for row in rows[i]]


def _kernels(sound: dict[int, Answer]) -> Iterator[Numbered]:
    """Native kernels of compositions against the bodies they stand for."""
    native = {i: one for i, one in sound.items() if one.question.has_two_ways()}
    asked = [one.question for one in native.values()]
    bodies = together(_bodies, asked, "kernel")
    for (i, answer), body in zip(native.items(), bodies, strict=True):
        question = answer.question
        if isinstance(body, Exception):
            yield i, judge.raised(question, "kernel", body)
        else:
            came, rough = answer.results, question.rough
            yield i, judge.compare(question, "kernel", came, body, rough)


def _gradients(sound: dict[int, Answer]) -> Iterator[Numbered]:
    """Gradients of a weighted sum of the results.

    Held against those of the gradient graph in NumPy.
    """
    smooth = {
        i: one.question for i, one in sound.items() if one.question.differentiable()
    }
    asked = list(smooth.values())
    answers = together(_slopes, asked, "gradient")
    # never in halves: the oracle raises nothing
    exact = _oracle(asked, "fp64")
    rough = _oracle(asked, "fp32")
    rows = zip(smooth.items(), answers, exact, rough, strict=True)
    for (i, question), came, due, near in rows:
        if isinstance(came, Exception):
            yield i, judge.raised(question, "gradient", came)
            continue
        # in the order of the oracle: a backend may have its parameters in another
        row = judge.compare(
            question,
            "gradient",
            [came[name] for name in due],
            [due[name] for name in due],
            [near[name] for name in due],
        )
        yield i, row


def _values(questions: Sequence[Question]) -> list[Results]:
    return _run(questions, body=False)


def _bodies(questions: Sequence[Question]) -> list[Results]:
    return _run(questions, body=True)


def _run(questions: Sequence[Question], *, body: bool) -> list[Results]:
    # one mode, one device: the settings of all are those of the first
    first, asked = questions[0], [question.probe for question in questions]
    return programs.run(asked, first.backend, first.settings, body=body)


def _slopes(questions: Sequence[Question]) -> list[Arrays]:
    first, asked = questions[0], [question.probe for question in questions]
    weights = [question.weights for question in questions]
    return programs.gradients(asked, first.backend, first.settings, weights)


def _oracle(questions: Sequence[Question], working: str) -> list[Arrays]:
    if not questions:
        return []  # a graph without a loss cannot be differentiated
    weights = [question.weights for question in questions]
    return programs.oracle_gradients([q.probe for q in questions], weights, working)

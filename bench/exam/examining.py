"""Questions put to a backend together, and its answers judged: value, kernel, gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, get_args

import numpy as np

from bench.exam import judge, roughness, sittings
from bench.exam.grouping import companies, together
from bench.exam.probe import Arrays, Probe, Results, loss_graph
from bench.exam.question import Answer, Question
from bench.exam.roughness import Runs, Slopes
from bench.records import ExamRow
from models.graph import Graph

# whole programs of their own; shapes, types and values come of the first
Part = Literal["value", "kernel", "gradient"]
PARTS: tuple[Part, ...] = get_args(Part)
Numbered = tuple[int, ExamRow]  # the question that it belongs to, counted from 0
Rough = list[Runs[Results]]  # for each sitting of a question


def examine_all(
    questions: Sequence[Question],
    *,
    at: Callable[[Part], None] = lambda part: None,
    wanted: Callable[[Question, Part], bool] = lambda question, part: True,
) -> list[ExamRow]:
    """The rows of cases that are asked in the same mode, case by case.

    A backend that raises has failed the value of the case. `at` is told which part begins; only
    parts that are `wanted` are asked of a question, whose values always are.
    """
    at("value")
    rows: dict[int, list[ExamRow]] = {}
    heard: dict[int, list[Results]] = {}
    for i, came in enumerate(together(_values, questions, "value")):
        if isinstance(came, Exception):
            rows[i] = [judge.raised(questions[i], "value", came)]
        else:
            heard[i] = came
    roughs = _roughs({i: questions[i] for i in heard})
    for i, came in heard.items():
        rows[i] = list(_judged(questions[i], came, roughs[i]))
    sound = {
        i: answer
        for i, came in heard.items()
        if (answer := Answer(questions[i], came[0])).sound()
    }
    # whole programs again, so each kind of question is asked of all cases at once
    for part in PARTS[1:]:
        at(part)
        asked = {
            i: one
            for i, one in sound.items()
            if _has(one.question, part) and wanted(one.question, part)
        }
        numbered = _gradients(asked) if part == "gradient" else _kernels(asked, roughs)
        for i, row in numbered:
            rows[i].append(row)
    return [row for i in range(len(questions)) for row in rows[i]]


def _has(question: Question, part: Part) -> bool:
    """Whether there is anything to ask of that part."""
    return question.has_two_ways() if part == "kernel" else question.differentiable()


def _judged(
    question: Question, came: Sequence[Results], roughs: Rough
) -> Iterator[ExamRow]:
    """What is said of the values: in each sitting, and in the first one again."""
    *sheet, again = came
    first = Answer(question, sheet[0])
    yield judge.shape(first)
    yield judge.dtype(first)
    yield judge.value(first, again, roughs[0])
    if not first.sound():
        return
    if row := judge.mean(first, roughs[0]):
        yield row
    for other, own, runs in zip(question.others, sheet[1:], roughs[1:], strict=True):
        answer = Answer(other, own)
        # its shape and type are those of the first, and said of it
        sound = answer.sound()
        yield judge.value(answer, own, runs) if sound else judge.shape(answer)


def _roughs(questions: dict[int, Question]) -> dict[int, Rough]:
    """What float32 makes of each question."""
    found: dict[int, Rough] = {}
    for group in companies(questions):
        sheets = _sheets([questions[i] for i in group])
        with np.errstate(
            all="ignore"
        ):  # what overflows is no number in the definition too
            found |= zip(group, roughness.values(sheets), strict=True)
    return found


def _kernels(native: dict[int, Answer], roughs: dict[int, Rough]) -> Iterator[Numbered]:
    """Native kernels of compositions against the bodies they stand for."""
    asked = [one.question for one in native.values()]
    bodies = together(_bodies, asked, "kernel")
    for (i, answer), body in zip(native.items(), bodies, strict=True):
        question = answer.question
        if isinstance(body, Exception):
            yield i, judge.raised(question, "kernel", body)
        else:
            came, runs = answer.results, roughs[i][0]
            yield i, judge.compare(question, "kernel", came, body[0], runs)


def _gradients(answers: dict[int, Answer]) -> Iterator[Numbered]:
    """Gradients of a weighted sum of the results.

    Held against those of the gradient graph in NumPy.
    """
    smooth = {i: one.question for i, one in answers.items()}
    losses = Losses()

    def slopes(questions: Sequence[Question]) -> list[list[Arrays]]:
        first, sheets = questions[0], _sheets(questions)
        graph = losses.of(questions)
        return sittings.slopes(graph, sheets, first.backend, first.settings)

    found = together(slopes, list(smooth.values()), "gradient")
    due = _due(smooth, losses)
    for (i, question), came in zip(smooth.items(), found, strict=True):
        if isinstance(came, Exception):
            yield i, judge.raised(question, "gradient", came)
            continue
        sheet = zip(question.sheet(), came, due[i], strict=True)
        for one, own, (exact, runs) in sheet:
            if one.differentiable():
                yield i, judge.slope(one, own, exact, runs)


class Losses:
    """Graphs with a loss, each made once: a backend differentiates it, and so does NumPy."""

    def __init__(self) -> None:
        self._made: dict[tuple[int, ...], Graph] = {}

    def of(self, questions: Sequence[Question]) -> Graph:
        """That of some questions together."""
        key = tuple(map(id, questions))
        if key not in self._made:
            probes = [question.probe for question in questions]
            weights = [question.weights for question in questions]
            self._made[key] = loss_graph(probes, weights)
        return self._made[key]


def _due(questions: dict[int, Question], losses: Losses) -> dict[int, list[Slopes]]:
    """For each sitting of each question its gradients, and how near NumPy comes to them."""
    found: dict[int, list[Slopes]] = {}
    for group in companies(questions):
        asked = [questions[i] for i in group]
        with np.errstate(all="ignore"):  # where a result is infinite, nothing is asked
            slopes = roughness.slopes(losses.of(asked), _sheets(asked))
        found |= zip(group, slopes, strict=True)
    return found


def _values(questions: Sequence[Question]) -> list[list[Results]]:
    # one mode, one device: the settings of all are those of the first
    first, sheets = questions[0], _sheets(questions)
    return sittings.values(sheets, first.backend, first.settings)


def _bodies(questions: Sequence[Question]) -> list[list[Results]]:
    first, sheets = questions[0], [[question.probe] for question in questions]
    return sittings.values(sheets, first.backend, first.settings, body=True)


def _sheets(questions: Sequence[Question]) -> list[list[Probe]]:
    return [[one.probe for one in question.sheet()] for question in questions]

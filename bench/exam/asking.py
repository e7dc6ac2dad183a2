"""Many questions in few programs: a framework that compiles is compiled once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from bench.exam.judge import Question

Q = TypeVar("Q")
T = TypeVar("T")


def together(
    ask: Callable[[Sequence[Question]], Sequence[T]],
    questions: Sequence[Question],
    asked: str,
) -> list[T | Exception]:
    """Answers in the order of the questions, from as few programs as can be.

    Where one raises, each half is asked again.
    """
    groups: dict[object, list[int]] = {}
    for i, question in enumerate(questions):
        groups.setdefault(_company(question, asked, i), []).append(i)
    found: dict[int, T | Exception] = {}
    for group in groups.values():
        answers = halved(ask, [questions[i] for i in group])
        found |= zip(group, answers, strict=True)
    return [found[i] for i in range(len(questions))]


def _company(question: Question, asked: str, number: int) -> object:
    """What a question has in common with those that share its program."""
    if question.gap(asked):
        return number  # alone: what is known to fail would fail the others with it
    # a program with open axes is run twice, at two lengths
    return "open" if question.probe.symbolic else "closed"


def halved(
    ask: Callable[[Sequence[Q]], Sequence[T]], questions: Sequence[Q]
) -> list[T | Exception]:
    """Answers to all at once; where that raises, those of each half.

    What a single question raises is its answer.
    """
    if not questions:
        return []
    try:
        return list(ask(questions))
    except Exception as error:  # whatever a framework raises is its answer
        if len(questions) == 1:
            return [error]
    middle = len(questions) // 2
    left, right = questions[:middle], questions[middle:]
    return [*halved(ask, left), *halved(ask, right)]

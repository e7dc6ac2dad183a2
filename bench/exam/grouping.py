"""Many questions in few programs: a framework that compiles is compiled once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from bench.exam.question import Question

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
    found: dict[int, T | Exception] = {}
    for group in companies(dict(enumerate(questions)), asked):
        answers = halved(ask, [questions[i] for i in group])
        found |= zip(group, answers, strict=True)
    return [found[i] for i in range(len(questions))]


def companies(questions: Mapping[int, Question], asked: str = "") -> list[list[int]]:
    """Numbers of questions that share a program well.

    Open axes apart, of one type, with as many sittings. Where it is said what is asked, those
    that are known to fail it are alone.
    """
    groups: dict[object, list[int]] = {}
    for i, question in questions.items():
        alone = bool(asked) and question.gap(asked) is not None
        probe = question.probe
        kind = (probe.symbolic, probe.dtype, len(question.others))
        groups.setdefault(i if alone else kind, []).append(i)
    return list(groups.values())


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
            if isinstance(error, MemoryError):
                raise  # this machine's answer, and none of the op's
            return [error]
    middle = len(questions) // 2
    left, right = questions[:middle], questions[middle:]
    return [*halved(ask, left), *halved(ask, right)]

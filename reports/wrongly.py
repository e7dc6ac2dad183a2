"""Wrong answers of an op exam in one line: the same words in the terminal and in the report."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import ExamRow
from reports.numbers import count, number


def ops(rows: Iterable[ExamRow]) -> list[str]:
    """The ops with a wrong answer, by name."""
    return sorted({row.op for row in rows if row.result == "failed"})


def told(rows: Iterable[ExamRow]) -> str:
    """Each op with how many of its questions failed, and the first case of the first op.

    Empty where no answer is wrong.
    """
    asked = list(rows)
    said: list[str] = []
    for op in ops(asked):
        here = [row for row in asked if row.op == op]
        wrong = [row for row in here if row.result == "failed"]
        # One case shows where to look; one of each op would fill the page.
        first = f"; first: {case(wrong[0])}" if not said else ""
        said.append(f"{op} ({count(len(wrong))} of {count(len(here))}{first})")
    return ", ".join(said)


def case(row: ExamRow) -> str:
    """One wrong answer: what was asked, and how far off it was."""
    return f"{row.case} {row.dtype} {row.question} {off(row)}".rstrip()


def off(row: ExamRow) -> str:
    """How far off it was, or what it said instead."""
    if row.error is None:
        return row.note
    allowed = f", {number(row.bound)} allowed" if row.bound is not None else ""
    return f"off by {number(row.error)}{allowed}"

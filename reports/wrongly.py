"""Wrong answers of an op exam in one line: the same words in the terminal and in the report."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bench.records import ExamRow
from reports.numbers import count, number

NAMED = 6  # ops of one cause that are named


def ops(rows: Iterable[ExamRow]) -> list[str]:
    """The ops with a wrong answer, by name."""
    return sorted({row.op for row in rows if row.result == "failed"})


@dataclass(frozen=True)
class Cause:
    """Why some answers are wrong, as far as they tell it."""

    dtype: str
    mode: str
    question: str
    text: str  # what was said of the first of them
    alike: str  # the same for all, whatever their op and sizes

    @property
    def closed(self) -> bool:
        """Whether it is a gap that was declared, and passes."""
        return self.text.startswith("declared gap passes")


def by_cause(rows: Iterable[ExamRow]) -> dict[Cause, list[ExamRow]]:
    """Wrong answers of one cause, type, mode and question together, most first."""
    found: dict[tuple[str, str, str, str], list[ExamRow]] = {}
    for row in rows:
        if row.result == "failed":
            # of numbers that are off, the op is the cause
            said = alike(row) if row.error is None else f"{row.op} is off"
            key = (row.dtype, row.mode, row.question, said)
            found.setdefault(key, []).append(row)
    groups = sorted(found.items(), key=lambda one: -len(one[1]))
    return {
        Cause(dtype, mode, question, off(wrong[0]), said): wrong
        for (dtype, mode, question, said), wrong in groups
    }


def alike(row: ExamRow) -> str:
    """What was said of an answer, without its op, its sizes and its numbers."""
    without = re.sub(rf"\b{re.escape(row.op)}\b", "", row.note)
    return re.sub(r"\d+", "0", without)


def told(rows: Iterable[ExamRow]) -> str:
    """Each op with how many of its questions failed, and the first case of the first op.

    Where several ops fail for one reason, each reason with its ops. Empty where no answer is wrong.
    """
    asked = list(rows)
    causes = by_cause(asked)
    if len(causes) < len(ops(asked)):
        return "; ".join(_of_cause(one, wrong) for one, wrong in causes.items())
    said: list[str] = []
    for op in ops(asked):
        here = [row for row in asked if row.op == op]
        wrong = [row for row in here if row.result == "failed"]
        # One case shows where to look; one of each op would fill the page.
        first = f"; first: {case(wrong[0])}" if not said else ""
        said.append(f"{op} ({count(len(wrong))} of {count(len(here))}{first})")
    return ", ".join(said)


def _of_cause(cause: Cause, wrong: list[ExamRow]) -> str:
    """A reason, how often it came, and some of the ops."""
    found = ops(wrong)
    named = ", ".join(found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    where = f"{cause.question} in {cause.dtype}, {count(len(wrong))} times"
    return f"{named}{more} ({where}: {cause.text})"


def case(row: ExamRow) -> str:
    """One wrong answer: what was asked, and how far off it was."""
    return f"{row.case} {row.dtype} {row.question} {off(row)}".rstrip()


def off(row: ExamRow) -> str:
    """How far off it was, or what it said instead."""
    if row.error is None:
        return row.note
    allowed = f", {number(row.bound)} allowed" if row.bound is not None else ""
    return f"off by {number(row.error)}{allowed}"

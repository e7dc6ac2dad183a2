"""Wrong answers of an op exam in one line: the same words in the terminal and in the report."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from bench.records import ExamRow
from reports.numbers import count, number

CLOSED = "declared gap passes"
NOT_FINITE = "NaN or infinity on one side alone"  # the answer, or what was due
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
        return self.text.startswith(CLOSED)


def by_cause(rows: Iterable[ExamRow]) -> dict[Cause, list[ExamRow]]:
    """Wrong answers of one cause, type, mode and question together, most first."""
    found: dict[tuple[str, str, str, str], list[ExamRow]] = {}
    for row in rows:
        if row.result == "failed":
            # of numbers that are off, the op is the cause
            numbers = "off" if _finite(row) else "not finite"
            said = alike(row) if _worded(row) else f"{row.op} is {numbers}"
            key = (row.dtype, row.mode, row.question, said)
            found.setdefault(key, []).append(row)
    groups = sorted(found.items(), key=lambda one: -len(one[1]))
    return {
        Cause(dtype, mode, question, off(wrong[0]), said): wrong
        for (dtype, mode, question, said), wrong in groups
    }


def alike(row: ExamRow) -> str:
    """What was said of an answer, without its op, its type, its sizes and its numbers."""
    without = re.sub(rf"\b({re.escape(row.op)}|{row.dtype})\b", "", row.note)
    # a framework names its own op in brackets; sizes are of any rank
    without = re.sub(r"\[\w*\]", "", without)
    return re.sub(r"\d+(, ?\d+)*,?", "0", without)


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
    if _worded(row):
        return row.note
    allowed = f", {number(row.bound)} allowed" if row.bound is not None else ""
    said = f"off by {number(row.error)}" if _finite(row) else NOT_FINITE
    return said + allowed


def _worded(row: ExamRow) -> bool:
    """Whether the note says why, and no number does."""
    without = row.error is None and (bool(row.note) or row.bound is None)
    return without or row.note.startswith(CLOSED)


def _finite(row: ExamRow) -> bool:
    """Whether it is off by a number; what is not is none in a record that was read."""
    return row.error is not None and math.isfinite(row.error)

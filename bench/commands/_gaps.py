"""The gaps that an exam has found, as Python that the author of a backend signs."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from backends.base import Gap
from bench.commands._counted import counted
from bench.commands._said import say
from bench.data.formats import places
from bench.records import Exam, ExamRow, Record
from reports import wrongly

WIDTH = 88  # of a line that a formatter leaves as it is
SPECIAL = r"[\\.^$*+?{}\[\]|()]"  # what is more in an expression than itself
FEW = 3  # cases that a gap names; of more, it says that some may pass
HEAD = '''"""What an exam of {backend} found wrong. Read each, say why, and delete what is a fault.

It belongs beside `ops.py`. In `backend.py`: `from . import {module}`, and beside what is signed
already `part_gaps = (*ops.PART_GAPS, *{module}.PART_GAPS)`.
"""

from backends.base import Gap

PART_GAPS = (
'''


def accept(file: Path, records: Sequence[Record]) -> None:
    """Write the gaps of the exams among records, and say so on stderr."""
    found: list[Gap] = []
    wrong = 0
    for record in records:
        if isinstance(record.payload, Exam):
            exam = record.payload
            wrong += sum(row.result == "failed" for row in exam.rows)
            found += gaps(exam.rows, device=exam.device, modes=exam.modes)
    if not found:
        say(f"{file}: not written: there is no gap to accept", file=sys.stderr)
        return
    backend = ", ".join(dict.fromkeys(record.backend for record in records))
    places.write(file, written(found, backend=backend, module=file.stem))
    told = f"{counted(len(found), 'gap')} of {counted(wrong, 'wrong answer')}"
    say(f"{file}: {told}; each is to be read and signed", file=sys.stderr)


class Extent(NamedTuple):
    """Where an op is wrong, as a Gap has it."""

    dtype: str
    mode: str
    case: str
    varies: bool


def gaps(
    rows: Iterable[ExamRow], *, device: str, modes: Collection[str] = ()
) -> list[Gap]:
    """One for each cause and question; what is declared and passes is none.

    Ops, types and all `modes` of the backend share it, where they are wrong alike.
    """
    asked = list(rows)
    causes: dict[tuple[str, str], list[ExamRow]] = {}
    for cause, wrong in wrongly.by_cause(asked).items():
        if not cause.closed:
            causes.setdefault((cause.question, cause.alike), []).extend(wrong)
    found: list[Gap] = []
    for (question, _), wrong in causes.items():
        ops: dict[Extent, list[str]] = {}
        for op in wrongly.ops(wrong):
            put = [row for row in asked if (row.op, row.question) == (op, question)]
            own = [row for row in wrong if row.op == op]
            for extent in _extents(own, put, modes):
                ops.setdefault(extent, []).append(op)
        reason = wrongly.off(wrong[0]) or "no reason given"
        for extent, named in ops.items():
            where = {"question": question, "device": device, **extent._asdict()}
            found.append(Gap(" ".join(named), reason, **where))
    return found


def _extents(
    wrong: Sequence[ExamRow], put: Sequence[ExamRow], modes: Collection[str]
) -> Iterator[Extent]:
    """Where an op is wrong for one cause, of all that was put of it, in as few as say it."""
    # wholly or in part, and in which mode -> types
    types: dict[tuple[bool, str], set[str]] = {}
    for dtype in {row.dtype for row in wrong}:
        met: set[str] = {row.mode for row in wrong if row.dtype == dtype}
        whole = {
            mode: _count(wrong, dtype, mode) == _count(put, dtype, mode) for mode in met
        }
        every = modes and whole.keys() == set(modes) and len(set(whole.values())) == 1
        for mode, wholly in whole.items():
            types.setdefault((wholly, "" if every else mode), set()).add(dtype)
    for (wholly, mode), dtypes in sorted(types.items()):
        here = [row for row in wrong if row.dtype in dtypes and mode in ("", row.mode)]
        case, varies = ("", False) if wholly else _cases(here, put)
        # one that ends workers was not asked all
        varies |= any(row.ended for row in here)
        yield Extent(" ".join(sorted(dtypes)), mode, "" if varies else case, varies)


def _count(rows: Iterable[ExamRow], dtype: str, mode: str) -> int:
    return sum((row.dtype, row.mode) == (dtype, mode) for row in rows)


def _cases(wrong: Sequence[ExamRow], put: Sequence[ExamRow]) -> tuple[str, bool]:
    """The expression of a gap of these cases alone; none, where others pass beside them."""
    cases = list(dict.fromkeys(row.case for row in wrong))
    cells = {(row.dtype, row.mode) for row in wrong}
    met = [row for row in put if row.case in cases and (row.dtype, row.mode) in cells]
    if len(cases) > FEW or len(met) > len(wrong):
        return "", True
    named = "|".join(re.sub(SPECIAL, r"\\\g<0>", case) for case in cases)
    return f"^({named})$", False


def written(found: Iterable[Gap], *, backend: str, module: str) -> str:
    """A module that holds them."""
    lines = [line for gap in found for line in _lines(gap)]
    return "\n".join(
        [HEAD.format(backend=backend, module=module).rstrip(), *lines, ")", ""]
    )


def _lines(gap: Gap) -> Iterator[str]:
    """A call that makes the gap, as a formatter leaves it; what is empty is left out."""
    said = [_text(gap.op), _text(gap.reason)]
    for field in ("dtype", "mode", "question", "case", "device"):
        if value := getattr(gap, field):
            said.append(f"{field}={_text(value)}")
    if gap.varies:
        said.append("varies=True")
    call = f"    Gap({', '.join(said)}),"
    if len(call) <= WIDTH:
        yield call
        return
    yield "    Gap("
    yield from (f"        {one}," for one in said)
    yield "    ),"


def _text(value: str) -> str:
    """A literal, without a backslash or an escaped quote where it needs none."""
    if "\\" in value and '"' not in value and value.isprintable() and value[-1] != "\\":
        return f'r"{value}"'
    plain = repr(value)
    return plain if '"' in value else f'"{plain[1:-1]}"'

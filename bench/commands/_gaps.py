"""The gaps that an exam has found, as Python that the author of a backend signs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from backends.base import Gap
from bench.commands._counted import counted
from bench.records import Exam, ExamRow, Record
from reports import wrongly

FEW = 3  # cases that a gap names; of more, it says that some may pass
HEAD = '''"""What an exam of {backend} found wrong. Read each, say why, and delete what is a fault.

In `ops.py`: `from .{module} import PART_GAPS`, and in the backend `part_gaps = PART_GAPS`.
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
            device = record.actual_device or record.device
            rows = [row for row in record.payload.rows if row.result == "failed"]
            wrong += len(rows)
            found += gaps(record.payload.rows, device=device)
    if not found:
        print(f"{file}: not written: there is no gap to accept", file=sys.stderr)
        return
    backend = ", ".join(dict.fromkeys(record.backend for record in records))
    file.write_text(written(found, backend=backend, module=file.stem), encoding="utf-8")
    told = f"{counted(len(found), 'gap')} of {counted(wrong, 'wrong answer')}"
    print(f"{file}: {told}; each is to be read and signed", file=sys.stderr)


def gaps(rows: Iterable[ExamRow], *, device: str) -> list[Gap]:
    """One for each cause, type, mode and question; what is declared and passes is none."""
    asked = list(rows)
    found: list[Gap] = []
    for cause, wrong in wrongly.by_cause(asked).items():
        if cause.closed:
            continue
        # ops of which all fails share a gap; of others the cases are told
        whole = [op for op in wrongly.ops(wrong) if not _passed(asked, wrong, op)]
        about = Gap(
            " ".join(whole),
            cause.text,
            dtype=cause.dtype,
            mode=cause.mode,
            question=cause.question,
            device=device,
        )
        if whole:
            found.append(about)
        for op in wrongly.ops(wrong):
            if op in whole:
                continue
            cases = list(dict.fromkeys(row.case for row in wrong if row.op == op))
            some = len(cases) > FEW
            named = "" if some else f"^({'|'.join(map(re.escape, cases))})$"
            found.append(replace(about, op=op, case=named, varies=some))
    return found


def _passed(asked: Iterable[ExamRow], wrong: Sequence[ExamRow], op: str) -> bool:
    """Whether anything of an op that such a gap would be about has not failed so."""
    here = (op, wrong[0].dtype, wrong[0].mode, wrong[0].question)
    put = [row for row in asked if (row.op, row.dtype, row.mode, row.question) == here]
    return len(put) > sum(row.op == op for row in wrong)


def written(found: Iterable[Gap], *, backend: str, module: str) -> str:
    """A module that holds them."""
    lines = [line for gap in found for line in _lines(gap)]
    return "\n".join(
        [HEAD.format(backend=backend, module=module).rstrip(), *lines, ")", ""]
    )


def _lines(gap: Gap) -> Iterator[str]:
    """A call that makes the gap; what is empty is left out."""
    yield "    Gap("
    yield f"        {gap.op!r},"
    yield f"        {gap.reason!r},"
    for field in ("dtype", "mode", "question", "case", "device", "varies"):
        if value := getattr(gap, field):
            yield f"        {field}={value!r},"
    yield "    ),"

"""The op exam: does each op alone give the right shape, dtype, value and gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.records import Exam, ExamRow, Record, Run
from reports import cells
from reports.blocks import Block, Code, Heading, Inline, bullets, table, text
from reports.numbers import count, number

ORDER = 40
TITLE = "Shape-op and op exam"

QUESTIONS = ("shape", "dtype", "value", "gradient", "kernel")
LISTED = 40  # failures shown; the rest is in records.jsonl


def render(run: Run, figures: Path) -> list[Block]:
    """For each backend: totals, failures, gaps, then every op by question, and by type and
    mode.
    """
    found = cells.payloads(run.records, Exam)
    if not found:
        return [
            text("The op exam was not measured: the run holds no exam record with numbers.")
        ]
    return [block for record, exam in found for block in about(record, exam)]


def about(record: Record, exam: Exam) -> list[Block]:
    """The exam of one backend, failures first."""
    page: list[Block] = [Heading(f"Exam of {cells.label(record)}")]
    if not exam.rows:
        return [*page, text("No question was asked: not measured.")]
    return (
        page
        + failures(exam)
        + gaps(exam)
        + [
            totals(exam),
            by_op(exam, lambda row: row.question, QUESTIONS, "Each op by question"),
            by_type(exam),
            by_op(
                exam,
                in_type_and_mode,
                sorted(map(in_type_and_mode, exam.rows)),
                "Each op by type and mode",
            ),
        ]
    )


def failures(exam: Exam) -> list[Block]:
    """Every wrong answer, worst first."""
    wrong = sorted(
        (row for row in exam.rows if row.result == "failed"), key=badness, reverse=True
    )
    if not wrong:
        return [text(f"No question failed ({count(len(exam.rows))} were asked).")]
    more = (
        f" The first {LISTED} are listed; all are in records.jsonl."
        if len(wrong) > LISTED
        else ""
    )
    return [
        text(f"{count(len(wrong))} of {count(len(exam.rows))} questions failed.{more}"),
        table(map(failure, wrong[:LISTED])),
    ]


def badness(row: ExamRow) -> float:
    """How far a failure is above its bound; without a number it is the worst."""
    return row.error / row.bound if row.error is not None and row.bound else float("inf")


def failure(row: ExamRow) -> dict[str, Inline]:
    """One wrong answer with the case that shows it."""
    return {
        "Op": Code(row.op),
        "Case": Code(row.case),
        "Question": row.question,
        "Mode": row.mode,
        "Dtype": row.dtype,
        "Error": number(row.error),
        "Bound": number(row.bound),
        "Note": row.note or "none",
    }


def gaps(exam: Exam) -> list[Block]:
    """What the framework cannot do, and why; and what was not put to it."""
    known = Counter(
        (row.note, row.dtype, row.question) for row in exam.rows if row.result == "gap"
    )
    ops = {
        key: sorted(
            {row.op for row in exam.rows if (row.note, row.dtype, row.question) == key}
        )
        for key in known
    }
    items: list[tuple[Inline, ...]] = [
        (Code(op), f": {why or 'no reason given'}") for op, why in sorted(exam.gaps.items())
    ]
    items += [
        (
            Code(" ".join(ops[key])),
            (
                f" in {key[1]}, {key[2]}: {key[0] or 'no reason given'} ({count(asked)}"
                " questions, all wrong as declared)"
            ),
        )
        for key, asked in sorted(known.items())
    ]
    found: list[Block] = (
        [text("Gaps:"), bullets(items)]
        if items
        else [text("No gap: the backend answers for every op.")]
    )
    return found + [text(f"Not put: {what}: {why}.") for what, why in exam.left_out.items()]


def totals(exam: Exam) -> Block:
    """Results by question and mode."""
    rows = []
    for question in QUESTIONS:
        for mode in sorted({row.mode for row in exam.rows}, reverse=True):
            asked = [
                row for row in exam.rows if (row.question, row.mode) == (question, mode)
            ]
            tally: Counter[str] = Counter(row.result for row in asked)
            numbers = {
                title: count(tally[title.lower().replace(" ", "_")])
                for title in ("Passed", "Failed", "Gap", "Not applicable")
            }
            rows.append({"Question": question, "Mode": mode} | (numbers if asked else {}))
    return table(rows, caption="Totals")


def by_type(exam: Exam) -> Block:
    """Every type in every mode."""
    modes = sorted({row.mode for row in exam.rows}, reverse=True)
    cell: dict[tuple[str, str], list[ExamRow]] = {}
    for row in exam.rows:
        cell.setdefault((row.dtype, row.mode), []).append(row)
    rows = [
        {"Type": Code(dtype)} | {mode: score(cell.get((dtype, mode), [])) for mode in modes}
        for dtype in sorted({key[0] for key in cell})
    ]
    return table(rows, caption="Each type by mode (passed / asked)")


def in_type_and_mode(row: ExamRow) -> str:
    """A column of the widest table."""
    return f"{row.dtype}, {row.mode}"


def by_op(
    exam: Exam, key: Callable[[ExamRow], str], titles: Iterable[str], caption: str
) -> Block:
    """One row for each op, a cell for each value of `key`; ops with failures come first,
    then those with gaps.
    """
    ops = sorted({row.op for row in exam.rows}, key=lambda op: (trouble(exam, op), op))
    cell: dict[tuple[str, str], list[ExamRow]] = {}
    for row in exam.rows:
        cell.setdefault((row.op, key(row)), []).append(row)
    rows = [
        {"Op": Code(op)}
        | {title: score(cell.get((op, title), [])) for title in dict.fromkeys(titles)}
        for op in ops
    ]
    return table(rows, caption=f"{caption} (passed / asked)", folded=True)


def trouble(exam: Exam, op: str) -> int:
    """0 for an op with failures, 1 with gaps, 2 with neither."""
    results = {row.result for row in exam.rows if row.op == op}
    return 0 if "failed" in results else 1 if "gap" in results or op in exam.gaps else 2


def score(rows: list[ExamRow]) -> Inline:
    """ "12 / 12", with what is missing named; questions that make no sense for the op are not asked."""
    tally = Counter(row.result for row in rows)
    asked = len(rows) - tally["not_applicable"]
    if not asked:
        return "not applicable" if rows else "not asked"
    bad = "".join(
        f", {tally[result]} {result}" for result in ("failed", "gap") if tally[result]
    )
    return f"{tally['passed']} / {asked}{bad}"

"""The op exam: does each op alone give the right shape, dtype, value and gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.records import Exam, ExamRow, Record, Run
from reports import cells, wrongly
from reports.blocks import Block, Code, Heading, Inline, Row, bullets, table, text
from reports.numbers import count, number

AFTER = ("coverage",)
TITLE = "Shape-op and op exam"

# In the order in which they are put: a wrong shape makes all that follows wrong.
QUESTIONS = ("shape", "dtype", "value", "bias", "gradient", "kernel")
LISTED = 40  # failures shown; the rest is in records.jsonl


def render(run: Run, figures: Path) -> list[Block]:
    """For each backend: totals, failures, gaps, then every op by question, type and mode."""
    found = cells.payloads(run.records, Exam)
    if not found:
        said = (
            "The op exam was not measured: the run holds no exam record with numbers."
        )
        return [text(said)]
    return [block for record, exam in found for block in about(record, exam)]


def about(record: Record, exam: Exam) -> list[Block]:
    """The exam of one backend, failures first."""
    title = Heading(f"Exam of {cells.label(record)}")
    if not exam.rows:
        return [title, text("No question was asked: not measured.")]
    columns = sorted({in_type_and_mode(row) for row in exam.rows})
    return [
        title,
        *failures(exam),
        *gaps(exam),
        *(text(f"Not put: {what}: {why}.") for what, why in exam.left_out.items()),
        totals(exam),
        by_op(exam, lambda row: row.question, QUESTIONS, "Each op by question"),
        by_type(exam),
        by_op(exam, in_type_and_mode, columns, "Each op by type and mode"),
    ]


def failures(exam: Exam) -> list[Block]:
    """Every wrong answer, worst first."""
    wrong = [row for row in exam.rows if row.result == "failed"]
    asked = count(len(exam.rows))
    if not wrong:
        return [text(f"No question failed ({asked} were asked).")]
    wrong.sort(key=badness, reverse=True)
    said = f"{count(len(wrong))} of {asked} questions failed."
    # A backend that gets one thing wrong may get it wrong in a thousand cases.
    if len(wrong) > LISTED:
        said += f" The first {LISTED} are listed; all are in records.jsonl."
    causes = wrongly.by_cause(wrong)
    told = table(map(cause, causes.items()), caption="Wrong answers by cause")
    first = [told] if len(causes) < len(wrong) else []
    return [text(said), *first, table(map(failure, wrong[:LISTED]))]


def cause(found: tuple[wrongly.Cause, list[ExamRow]]) -> Row:
    """Why answers are wrong, and of which ops."""
    why, wrong = found
    return {
        "Ops": Code(" ".join(wrongly.ops(wrong))),
        "Questions": count(len(wrong)),
        "Question": why.question,
        "Mode": why.mode,
        "Dtype": why.dtype,
        "Cause": why.text or "none given",
    }


def badness(row: ExamRow) -> float:
    """How far a failure is above its bound; without a number it is the worst."""
    if row.error is None or not row.bound:
        return float("inf")
    return row.error / row.bound


def failure(row: ExamRow) -> Row:
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
    """What the framework cannot do, and why."""
    # An op without a kernel and a body at all, then what is wrong in some types only.
    items = [
        (Code(op), f": {why or 'no reason given'}")
        for op, why in sorted(exam.gaps.items())
    ]
    items += declared(exam)
    if not items:
        return [text("No gap: the backend answers for every op.")]
    return [text("Gaps:"), bullets(items)]


def declared(exam: Exam) -> list[tuple[Code, str]]:
    """Questions that the backend says beforehand it gets wrong: an item for each reason."""
    # One reason holds for many ops; told op by op it would fill a page.
    groups: dict[tuple[str, str, str], list[ExamRow]] = {}
    for row in exam.rows:
        groups.setdefault((row.note, row.dtype, row.question), []).append(row)
    items = []
    for key in sorted(groups):
        (note, dtype, question), rows = key, groups[key]
        wrong = sum(row.result == "gap" for row in rows)
        # What only passed has a note, a type and a question too.
        if wrong:
            ops = sorted({row.op for row in rows})
            said = (
                f" in {dtype}, {question}: {note or 'no reason given'} ({count(wrong)}"
                " questions, all wrong as declared)"
            )
            items.append((Code(" ".join(ops)), said))
    return items


def totals(exam: Exam) -> Block:
    """Results by question and mode."""
    rows: list[Row] = []
    for question in QUESTIONS:
        for mode in modes(exam):
            rows.append({"Question": question, "Mode": mode})
            tally: Counter[str] = Counter(
                row.result
                for row in exam.rows
                if (row.question, row.mode) == (question, mode)
            )
            # What was never asked stays "not measured": three zeros would look like a result.
            if tally:
                for title in ("Passed", "Failed", "Gap"):
                    rows[-1][title] = count(tally[title.lower()])
    return table(rows, caption="Totals")


def modes(exam: Exam) -> list[str]:
    """Modes in which questions were put."""
    # Reversed, so that eager, which is the easiest to get right, stands before compiled.
    return sorted({row.mode for row in exam.rows}, reverse=True)


def by_type(exam: Exam) -> Block:
    """Every type in every mode."""
    cell = grouped(exam, lambda row: (row.dtype, row.mode))
    rows: list[Row] = []
    for dtype in sorted({row.dtype for row in exam.rows}):
        scores = {mode: score(cell.get((dtype, mode), [])) for mode in modes(exam)}
        rows.append({"Type": Code(dtype)} | scores)
    return table(rows, caption="Each type by mode (passed / asked)")


def in_type_and_mode(row: ExamRow) -> str:
    """A column of the widest table."""
    return f"{row.dtype}, {row.mode}"


def by_op(
    exam: Exam, key: Callable[[ExamRow], str], titles: Sequence[str], caption: str
) -> Block:
    """A row for each op, a cell for each value of `key`; ops with failures come first."""
    cell = grouped(exam, lambda row: (row.op, key(row)))
    ops = {row.op for row in exam.rows}
    rows: list[Row] = []
    for op in sorted(ops, key=lambda op: (trouble(exam, op), op)):
        scores = {title: score(cell.get((op, title), [])) for title in titles}
        rows.append({"Op": Code(op)} | scores)
    return table(rows, caption=f"{caption} (passed / asked)", folded=True)


def grouped(
    exam: Exam, key: Callable[[ExamRow], tuple[str, str]]
) -> dict[tuple[str, str], list[ExamRow]]:
    """Rows by the row and column of a table they belong to."""
    # Once over all rows: an exam has tens of thousands, and a table hundreds of cells.
    cell: dict[tuple[str, str], list[ExamRow]] = {}
    for row in exam.rows:
        cell.setdefault(key(row), []).append(row)
    return cell


def trouble(exam: Exam, op: str) -> int:
    """0 for an op with failures, 1 with gaps, 2 with neither."""
    results = {row.result for row in exam.rows if row.op == op}
    if "failed" in results:
        return 0
    return 1 if "gap" in results or op in exam.gaps else 2


def score(rows: list[ExamRow]) -> Inline:
    """How many passed of how many asked, such as "12 / 12", with what is missing named."""
    # A question that makes no sense for the op, such as a gradient of argmax, is not asked.
    if not rows:
        return "not asked"
    tally = Counter(row.result for row in rows)
    said = f"{tally['passed']} / {len(rows)}"
    for result in ("failed", "gap"):
        if tally[result]:
            said += f", {tally[result]} {result}"
    return said

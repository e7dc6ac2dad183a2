"""Ground: do the backend's ops, each alone, do what the language says they do."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import Exam, ExamRow, Record, Run
from reports import cells
from reports.verdict.evidence import Evidence, blame, grade
from reports.verdict.grounds.coverage import needed
from reports.verdict.reason import Reason, fact, gap, works

QUESTION = "computes"
AFTER = ("poses",)
# What the exam calls the type that a precision computes in.
HALVES = {"bf16": "bfloat16", "fp16": "float16"}
Asked = tuple[Exam, ExamRow]


def reasons(evidence: Evidence) -> list[Reason]:
    """An op that the model needs and that fails as the model needs it is a gap.

    Types that its graphs do not hold, precisions that nobody asked for and modes in which the
    backend runs no model are the backend's own business.
    """
    rows = questions(evidence.exams)
    if not rows:
        return [silent(evidence)]
    needs = needed(evidence.records)
    counted = [row for exam, row in rows if counts(evidence.records, exam, row)]
    wrong = sorted({row.op for row in counted if row.result == "failed"})
    met = {row.op for exam, row in rows if row.mode == usual(exam)}
    unasked = sorted(needs.keys() - met)
    out = []
    if wrong:
        ops = ", ".join(wrong)
        out.append(gap(f"ops it needs fail in the op exam: {ops}", f"mend {ops}"))
    if unasked:
        text = f"ops it needs that the op exam did not ask about: {', '.join(unasked)}"
        out.append(gap(text, "the op exam of those ops", grade="not run"))
    out = out or [works("the ops it needs pass the op exam")]
    return out + known(counted)


def questions(records: Iterable[Record]) -> list[Asked]:
    """Every question that was put, with the exam it is of."""
    return [
        (exam, row) for _, exam in cells.payloads(records, Exam) for row in exam.rows
    ]


def silent(evidence: Evidence) -> Reason:
    """Why there is no answer to any question."""
    text, change = "the op exam has no numbers", "run the op exam"
    for record in evidence.exams:
        if record.status != "ok":
            return gap(f"{text}: {blame(record)}", change, grade=grade(record))
    return gap(text, change, grade="not run")


def counts(records: Iterable[Record], exam: Exam, row: ExamRow) -> bool:
    """Whether a question is about an op as these records' models need it."""
    asked = list(records)
    if row.mode != usual(exam) or not precise(asked, row):
        return False
    needs = needed(asked)
    # Where coverage was not measured nothing is known to be unneeded: then each op counts.
    if not needs:
        return True
    # The same holds of the types, in records that do not tell them.
    types = needs.get(row.op, set())
    halves = row.dtype in HALVES.values()
    return row.op in needs and (halves or not types or row.dtype in types)


def usual(exam: Exam) -> str:
    """The mode in which the backend runs models."""
    # It is put first, wherever an exam does not say which it is.
    return exam.customary or exam.rows[0].mode


def precise(records: Iterable[Record], row: ExamRow) -> bool:
    """Halves count in a run that asked for them, and every other type in each."""
    if row.dtype not in HALVES.values():
        return True
    return row.dtype in {HALVES.get(record.precision) for record in records}


def known(counted: Iterable[ExamRow]) -> list[Reason]:
    """Questions that the backend is known to answer wrongly: no exam has found them."""
    gaps = {row.op: row.note for row in counted if row.result == "gap"}
    if not gaps:
        return []
    told = "; ".join(f"{op} ({note or 'no reason given'})" for op, note in gaps.items())
    text = f"gaps that the backend declares in cases of ops it needs: {told}"
    return [fact(text, grade="declared")]


def of_backend(run: Run, backend: str) -> list[Reason]:
    """What the exam found that concerns no model of the run: a gap of the backend alone."""
    here = [record for record in run.records if record.backend == backend]
    needs = needed(here)
    missing: set[str] = set()
    for _, exam in cells.payloads(here, Exam):
        missing |= exam.gaps.keys() - needs.keys()
    spare = dict.fromkeys(sorted(missing))
    about = [
        cells.of_model(run, backend, model) for model in cells.models(run, backend)
    ]
    for exam, row in questions(here):
        # What a model needs is a reason about that model, and reaches the backend through it.
        mine = any(counts(records, exam, row) for records in about)
        if not mine and row.result in ("gap", "failed"):
            spare[told(row, row.op in needs)] = None
    if not spare:
        return []
    text = f"ops fail or are missing as no model of this run needs them: {', '.join(spare)}"
    return [gap(text, "kernels for those ops")]


def told(row: ExamRow, needed_otherwise: bool) -> str:
    """An op, and how it was asked where some model needs it in another way."""
    return f"{row.op} ({row.dtype}, {row.mode})" if needed_otherwise else row.op

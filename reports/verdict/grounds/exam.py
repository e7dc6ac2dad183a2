"""Ground: do the backend's ops, each alone, do what the language says they do."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import Exam, ExamRow, Record, Run
from reports import cells, wrongly
from reports.verdict.evidence import Evidence, blame, grade
from reports.verdict.grounds.coverage import needed
from reports.verdict.reason import Reason, fact, gap, works

QUESTION = "computes"
AFTER = ("poses",)
FLOATS = {"float32", "float64"}
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
    counted = [row for exam, row in rows if counts(evidence.records, exam, row)]
    wrong = wrongly.told(counted)
    out = []
    if wrong:
        change = f"mend {', '.join(wrongly.ops(counted))}"
        out.append(gap(f"ops it needs fail in the op exam: {wrong}", change))
    out += unmet(evidence.records, rows)
    out += unfit(counted)
    excepted = known(counted)
    but = ", but for gaps that are declared" if excepted else ""
    return (out or [works(f"the ops it needs pass the op exam{but}")]) + excepted


def unmet(records: Iterable[Record], rows: Iterable[Asked]) -> list[Reason]:
    """Ops that the model needs and that nobody asked about, or not in the half of the run."""
    asked, put = list(records), list(rows)
    needs = needed(asked)
    met = [row for exam, row in put if row.mode == usual(exam)]
    unasked = needs.keys() - {row.op for row in met}
    out = []
    if unasked:
        names = ", ".join(sorted(unasked))
        text = f"ops it needs that the op exam did not ask about: {names}"
        out.append(gap(text, "the op exam of those ops", grade="not run"))
    for half in sorted({HALVES[one.precision] for one in asked if halved(one)}):
        # Whole numbers stay what they are in a run in a half.
        floats = {op for op, types in needs.items() if types & FLOATS or not types}
        silent = floats - {row.op for row in met if row.dtype == half} - unasked
        if silent or not needs:
            some = "" if silent == floats else f" of {', '.join(sorted(silent))}"
            text = f"the op exam did not ask {half}{some}"
            out.append(gap(text, f"the op exam in {half}", grade="not run"))
    return out


def halved(record: Record) -> bool:
    """Whether a record is of a run in a half."""
    return record.precision in HALVES


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


def unfit(counted: Iterable[ExamRow]) -> list[Reason]:
    """Ops of which no value is right in a type, as the backend has declared."""
    values: dict[tuple[str, str], list[ExamRow]] = {}
    for row in counted:
        if row.question == "value":
            values.setdefault((row.op, row.dtype), []).append(row)
    found = [
        f"{op} in {dtype} ({rows[0].note or 'no reason given'})"
        for (op, dtype), rows in values.items()
        if all(row.result == "gap" for row in rows)
    ]
    if not found:
        return []
    text = f"ops it needs are gaps, as the backend declares: {'; '.join(found)}"
    return [gap(text, "a kernel for each", grade="declared")]


def known(counted: Iterable[ExamRow]) -> list[Reason]:
    """Questions that the backend is known to answer wrongly: no exam has found them."""
    gaps = {row.op: row.note for row in counted if row.result == "gap"}
    if not gaps:
        return []
    told = "; ".join(f"{op} ({note or 'no reason given'})" for op, note in gaps.items())
    text = f"gaps that the backend declares in cases of ops it needs: {told}"
    return [fact(text, grade="declared")]


def of_backend(run: Run, backend: str) -> list[Reason]:
    """What the exam found that concerns no model of the run: a matter of the backend alone."""
    here = [record for record in run.records if record.backend == backend]
    about = [
        cells.of_model(run, backend, model) for model in cells.models(run, backend)
    ]
    # What a model needs is a reason about that model, and reaches the backend through it.
    spare = [
        row
        for exam, row in questions(here)
        if not any(counts(records, exam, row) for records in about)
    ]
    return [
        *failing(spare, tried=bool(about)),
        *lacking(here),
        *declared([row for _, row in questions(here)], spare),
    ]


def failing(spare: list[ExamRow], *, tried: bool) -> list[Reason]:
    """Wrong answers that no model met; `tried` says whether there was a model to meet them."""
    wrong = wrongly.told(spare)
    if not wrong:
        return []
    needless = " as no model of this run needs them" if tried else ""
    change = f"mend {', '.join(wrongly.ops(spare))}"
    return [gap(f"ops fail in the op exam{needless}: {wrong}", change)]


def lacking(here: Iterable[Record]) -> list[Reason]:
    """Ops that the backend says it does not have, and that no model of the run needs."""
    records = list(here)
    gaps: dict[str, str] = {}
    for _, exam in cells.payloads(records, Exam):
        gaps |= exam.gaps
    missing = sorted(gaps.keys() - needed(records).keys())
    if not missing:
        return []
    names = ", ".join(missing)
    text = (
        f"ops that the backend declares it does not have, needed by no model: {names}"
    )
    return [gap(text, f"kernels for {names}", grade="declared")]


def declared(rows: list[ExamRow], spare: list[ExamRow]) -> list[Reason]:
    """Answers that the backend declares it gets wrong: in which types, and what of float32."""
    types: dict[str, set[str]] = {}
    for row in spare:
        if row.result == "gap":
            types.setdefault(row.op, set()).add(row.dtype)
    if not types:
        return []
    # Many ops have their gaps in the same types.
    groups: dict[str, list[str]] = {}
    for op in sorted(types):
        groups.setdefault(", ".join(sorted(types[op])), []).append(op)
    names = "; ".join(f"{', '.join(ops)} in {kind}" for kind, ops in groups.items())
    text = f"gaps that the backend declares, met by no model of this run: {names}"
    plain = [row for row in rows if row.op in types and row.dtype == "float32"]
    # "passes": of ops with a gap in float32 itself, or never asked in it, nothing is said.
    if {row.op for row in plain} == set(types) and passed(plain):
        text += " (float32 passes)"
    return [fact(text, grade="declared")]


def passed(rows: Iterable[ExamRow]) -> bool:
    """Whether every answer is right."""
    return all(row.result == "passed" for row in rows)

"""Ground: do the backend's ops, each alone, do what the language says they do."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import Exam, ExamRow, Record, Run
from reports import cells, wrongly
from reports.verdict import ladder
from reports.verdict.evidence import Evidence, blame, grade
from reports.verdict.grounds.coverage import needed
from reports.verdict.reason import Reason, fact, gap, works

QUESTION = "computes"
AFTER = ("poses",)
TASKS = ("shape_ops",)
FLOATS = {"float32", "float64"}
# What the exam calls the type that a precision computes in.
HALVES = {"bf16": "bfloat16", "fp16": "float16"}
# The questions that leave nothing of an op where each is a gap, and what then is missing.
WHOLE = {"value": "", "gradient": ", its gradient"}
Asked = tuple[Exam, ExamRow]


def reasons(evidence: Evidence) -> list[Reason]:
    """An op that the model needs and that fails as the model needs it is a gap.

    Types that its graphs do not hold, precisions that nobody asked for and modes in which the
    backend runs no model are the backend's own business; so are devices that it did not run on.
    """
    rows = questions(beside(evidence.records, evidence.exams))
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
    excepted = known(counted, held=well_held(evidence))
    but = ", but for gaps that are declared" if excepted else ""
    return (out or [works(f"the ops it needs pass the op exam{but}")]) + excepted


def beside(about: Iterable[Record], exams: Iterable[Record]) -> list[Record]:
    """The exams on the devices of these records: another device has gaps of its own."""
    devices = {cells.device(record) for record in about}
    return [exam for exam in exams if cells.device(exam) in devices]


def well_held(evidence: Evidence) -> bool:
    """Whether a whole ladder in full precision shows that the model meets no wrong answer."""
    found = ladder.ladders(evidence, training=False)
    return any(one.full and not any(map(ladder.is_broken, one.checks)) for one in found)


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
    """Ops of which no value, or no slope, is right in a type, as the backend has declared."""
    answers: dict[tuple[str, str, str], list[ExamRow]] = {}
    for row in counted:
        if row.question in WHOLE:
            answers.setdefault((row.op, row.dtype, row.question), []).append(row)
    found = [
        f"{op} in {dtype}{WHOLE[asked]} ({rows[0].note or 'no reason given'})"
        for (op, dtype, asked), rows in answers.items()
        if all(row.result == "gap" for row in rows)
    ]
    if not found:
        return []
    text = f"ops it needs are gaps, as the backend declares: {'; '.join(found)}"
    return [gap(text, "a kernel for each", grade="declared")]


def known(counted: Iterable[ExamRow], *, held: bool) -> list[Reason]:
    """Questions that the backend is known to answer wrongly.

    Facts where the model was `held` to the oracle, whose cases then are others; else a gap.
    """
    gaps = {row.op: row.note for row in counted if row.result == "gap"}
    if not gaps:
        return []
    told = "; ".join(f"{op} ({note or 'no reason given'})" for op, note in gaps.items())
    text = f"gaps that the backend declares in cases of ops it needs: {told}"
    if held:
        return [fact(f"{text}; the ladder met none", grade="declared")]
    change = "a parity run in fp32, which shows whether it meets them"
    return [gap(text, change, grade="declared")]


def of_backend(run: Run, backend: str) -> list[Reason]:
    """What the exam found that concerns no model of the run: a matter of the backend alone."""
    here = [record for record in run.records if record.backend == backend]
    about = [
        cells.of_model(run, backend, model) for model in cells.models(run, backend)
    ]
    asked = questions(here)
    # What a model needs is a reason about that model, and reaches the backend through it.
    met = [
        row
        for records in about
        for exam, row in questions(beside(records, here))
        if counts(records, exam, row)
    ]
    known_by = set(map(id, met))
    spare = [row for _, row in asked if id(row) not in known_by]
    return [
        *failing(spare, here),
        *lacking(here),
        *declared([row for _, row in asked], spare),
    ]


def failing(spare: list[ExamRow], here: list[Record]) -> list[Reason]:
    """Wrong answers that no model met.

    Where models ran, a half in which none of them did is no matter of this run: it is told.
    """
    if not any(record.model for record in here):
        wrong = wrongly.told(spare)
        change = f"mend {', '.join(wrongly.ops(spare))}"
        return [gap(f"ops fail in the op exam: {wrong}", change)] if wrong else []
    inside = [row for row in spare if precise(here, row)]
    out = []
    if wrong := wrongly.told(inside):
        change = f"mend {', '.join(wrongly.ops(inside))}"
        text = f"ops fail in the op exam as no model of this run needs them: {wrong}"
        out.append(gap(text, change))
    if wrong := wrongly.told(row for row in spare if not precise(here, row)):
        text = (
            "ops fail in the op exam in halves that no model of this run was asked in"
        )
        out.append(fact(f"{text}: {wrong}"))
    return out


def lacking(here: Iterable[Record]) -> list[Reason]:
    """Ops that the backend says it does not have, and that no model of the run needs."""
    records = list(here)
    gaps: dict[str, str] = {}
    for _, exam in cells.payloads(records, Exam):
        gaps |= exam.gaps
    needs = needed(records)
    missing = sorted(gaps.keys() - needs.keys())
    if not missing:
        return []
    # Without coverage nobody knows what models need, and without models none was asked.
    whom = "needed by no model asked" if needs else "and no model was asked for its ops"
    names = ", ".join(missing)
    return [fact(f"does not have, {whom}: {names}", grade="declared")]


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

"""Ground: do the backend's ops, each alone, do what the language says they do."""

from __future__ import annotations

from bench.records import Exam, Run
from reports import cells
from reports.verdict.evidence import Evidence
from reports.verdict.grounds.coverage import needed
from reports.verdict.reason import Reason, gap, works

AFTER = ("parity",)


def reasons(evidence: Evidence) -> list[Reason]:
    """An op that the model needs and that fails is a gap, even where the model agrees.

    The exam asks about types and modes in which parity never ran the model.
    """
    exams = cells.payloads(evidence.exams, Exam)
    rows = [row for _, exam in exams for row in exam.rows]
    if not rows:
        return [gap("the op exam has no numbers", "run the op exam", grade="not run")]
    failed = {row.op for row in rows if row.result == "failed"}
    # Where coverage was not measured nothing is known to be unneeded: then each op counts.
    needs = needed(evidence.records) or failed
    wrong = ", ".join(sorted(failed & needs))
    if wrong:
        return [gap(f"ops it needs fail in the op exam: {wrong}", f"mend {wrong}")]
    return [works("the ops it needs pass the op exam")]


def of_backend(run: Run, backend: str) -> list[Reason]:
    """What the exam found that concerns no model of the run: a gap of the backend alone."""
    here = [record for record in run.records if record.backend == backend]
    gaps: set[str] = set()
    for _, exam in cells.payloads(here, Exam):
        gaps |= exam.gaps.keys()
        gaps |= {row.op for row in exam.rows if row.result in ("gap", "failed")}
    # What a model needs is a reason about that model, and reaches the backend through it.
    spare = ", ".join(sorted(gaps - needed(here)))
    if not spare:
        return []
    text = f"ops that no model of this run needs fail or are missing: {spare}"
    return [gap(text, "kernels for those ops")]

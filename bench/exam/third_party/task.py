"""The third-party exam: every node case of the onnx package that the language can say, on
one backend.
"""

from __future__ import annotations

from backends.base import Backend, Settings
from bench.coordinator.job import Finding, Job, Progress
from bench.exam.third_party import cases, exam
from bench.records import ThirdParty, ThirdPartyRow
from models.errors import Missing


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """Put all cases; the exam fails when an answer is wrong and no gap explains it, or when
    a gap is none.
    """
    progress("collecting cases", 0.0)
    try:
        collection = cases.ensure(job.config.onnx_cases or job.folder / "third_party")
    except Missing as error:
        return Finding(None, "not_measured", str(error))
    declared = exam.gaps(backend.name)
    rows: list[ThirdPartyRow] = []
    for done, case in enumerate(collection.cases):
        progress(case.name, done / len(collection.cases))
        rows.append(exam.examine(backend, Settings(device=device), case, declared))
    progress("done", 1.0)
    wrong = [row.case for row in rows if row.result == "failed"]
    reason = (
        f"{len(wrong)} wrong answers:"
        f" {', '.join(wrong[:10])}{', ...' if len(wrong) > 10 else ''}"
        if wrong
        else ""
    )
    return Finding(
        ThirdParty(source=f"onnx {collection.version}", rows=tuple(rows)),
        "failed" if wrong else "ok",
        reason,
    )

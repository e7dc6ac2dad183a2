"""The third-party exam of one backend.

It puts every node case of the onnx package that the language can say.
"""

from __future__ import annotations

from backends.base import Backend, Settings
from bench.coordinator.job import Finding, Job, Progress
from bench.exam.third_party import cases, exam
from bench.records import ThirdParty, ThirdPartyRow
from models.errors import Missing

NAMED = 10  # wrong answers that a reason lists; the record has them all


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
) -> Finding:
    """Put all cases.

    The exam fails when an answer is wrong and no gap explains it, or when a gap is none.
    """
    progress("collecting cases", 0.0)
    # Workers of one run share what the first of them collects.
    folder = job.config.onnx_cases or job.folder / "third_party"
    try:
        collection = cases.ensure(folder)
    except Missing as error:
        return Finding(None, "not_measured", str(error))
    declared = exam.gaps(backend.name)
    settings = Settings(device=device)
    rows: list[ThirdPartyRow] = []
    for row in exam.examine(backend, settings, collection.cases, declared):
        rows.append(row)
        progress(row.case, len(rows) / len(collection.cases))
    progress("done", 1.0)
    payload = ThirdParty(source=f"onnx {collection.version}", rows=tuple(rows))
    wrong = [row.case for row in rows if row.result == "failed"]
    if not wrong:
        return Finding(payload, "ok")
    more = ", ..." if len(wrong) > NAMED else ""
    named = ", ".join(wrong[:NAMED])
    return Finding(payload, "failed", f"{len(wrong)} wrong answers: {named}{more}")

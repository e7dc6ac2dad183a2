"""Ground of a backend, not of a model: cases whose answers nobody here wrote."""

from __future__ import annotations

from bench.records import Run, ThirdParty
from reports import cells
from reports.verdict.reason import Reason, gap, works

AFTER = ("exam",)
TASKS = ("third_party",)


def of_backend(run: Run, backend: str) -> list[Reason]:
    """A failed case is a gap; where the exam was not put, nothing is said."""
    # Silent, unlike the other grounds: it needs the onnx package, and is asked for by name.
    here = [record for record in run.records if record.backend == backend]
    exams = [exam for _, exam in cells.payloads(here, ThirdParty)]
    return [of_cases(exam) for exam in exams if exam.counts()["run"]]


def of_cases(exam: ThirdParty) -> Reason:
    """The reason that one third-party exam gives."""
    counts = exam.counts()
    failed = {row.op for row in exam.rows if row.result == "failed"}
    if not failed:
        return works(
            f"no third-party case of {exam.source} fails: {counts['passed']} pass,"
            f" {counts['gap']} are known gaps"
        )
    ops = ", ".join(sorted(failed))
    score = f"{counts['failed']} of {counts['run']}"
    return gap(f"{score} third-party cases of {exam.source} fail: {ops}", f"mend {ops}")

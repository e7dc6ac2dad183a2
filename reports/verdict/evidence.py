"""What a run holds about one model on one backend, and what its silence means."""

from __future__ import annotations

from dataclasses import dataclass

from bench.records import Record, Run
from reports import cells
from reports.verdict.reason import Grade, Reason, gap

# How well it is known that a cell gave no number. A crash is a measurement too, and so is
# all that is not listed here.
GRADES: dict[str, Grade] = {
    "unsupported": "declared",
    "not_measured": "not run",
    "invalid": "not run",
}


@dataclass(frozen=True)
class Evidence:
    """All records of one model on one backend, and those of that backend's op exam."""

    run: Run
    records: tuple[Record, ...]
    exams: tuple[Record, ...]

    def of(self, task: str) -> list[Record]:
        """Records of one task."""
        return [record for record in self.records if record.task == task]


def gather(run: Run, backend: str, model: str) -> Evidence:
    """The records that bear on a model on a backend."""
    here = [record for record in run.records if record.backend == backend]
    # The exam asks a backend about its ops and names no model: it bears on every model.
    exams = tuple(record for record in here if record.task == "shape_ops")
    return Evidence(run, tuple(cells.of_model(run, backend, model)), exams)


def grade(record: Record) -> Grade:
    """How well it is known that a record has no numbers."""
    return GRADES.get(record.status, "measured")


def blame(record: Record) -> str:
    """Status and reason in one phrase."""
    return f"{record.status.replace('_', ' ')}: {record.reason or 'no reason given'}"


def unmeasured(evidence: Evidence, task: str, what: str) -> list[Reason]:
    """Gaps for the records of a task that did not end ok, or for a task never tried."""
    records = evidence.of(task)
    if not records:
        return [gap(f"{what} was not measured", f"run {task}", grade="not run")]
    out = []
    for record in records:
        if record.status != "ok":
            missing = f"{what} on {cells.spot(record)}"
            out.append(gap(f"{missing}: {blame(record)}", missing, grade=grade(record)))
    return out

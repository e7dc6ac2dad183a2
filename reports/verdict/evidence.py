"""What a run holds about one model on one backend, and what its silence means."""

from __future__ import annotations

from dataclasses import dataclass

from bench.records import Parity, Record, Run, Training
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
    backend: str
    model: str
    records: tuple[Record, ...]
    exams: tuple[Record, ...]

    def of(self, task: str) -> list[Record]:
        """Records of one task."""
        return [record for record in self.records if record.task == task]

    @property
    def on_paper(self) -> bool:
        """Whether the framework is declared by a manifest, and not here."""
        found = self.run.info.config.get("declared")
        return isinstance(found, dict) and self.backend in found

    @property
    def optimizer(self) -> str:
        """The optimizer that the model is trained with; empty where no record says."""
        for _, payload in cells.payloads(self.records, Parity):
            if payload.optimizer:
                return payload.optimizer
        trained = cells.payloads(self.records, Training)
        rules = [str(payload.optimizer.get("rule", "")) for _, payload in trained]
        return next(filter(None, rules), "")


def gather(run: Run, backend: str, model: str) -> Evidence:
    """The records that bear on a model on a backend."""
    here = [record for record in run.records if record.backend == backend]
    # The exam asks a backend about its ops and names no model: it bears on every model.
    exams = tuple(record for record in here if record.task == "shape_ops")
    about = tuple(cells.of_model(run, backend, model))
    return Evidence(run, backend, model, about, exams)


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
    return [missing(record, what) for record in records if record.status != "ok"]


def missing(record: Record, what: str) -> Reason:
    """A gap for a record that did not end ok."""
    due = f"{what} on {cells.spot(record)}"
    return gap(f"{due}: {blame(record)}", due, grade=grade(record))

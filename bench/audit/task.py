"""Plant every fault of the catalogue into a backend, and see which of them are caught.

A fault is put to what `run --profile smoke` asks, sized down to one op and the smallest model that
holds it; what that misses is put again as `standard` would. The backend without a fault is put to
the same: where that is red, a red proves nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from backends.base import Backend
from bench.audit import catalogue
from bench.audit.asking import Answers, Shown, put
from bench.audit.controls import controls
from bench.audit.fault import CONTROL, Fault
from bench.audit.planting.patches import of_setting, patched
from bench.audit.planting.proxy import WrongBackend
from bench.audit.subjects import PROFILES
from bench.coordinator.job import Finding, Job, Progress
from bench.processes import contract
from bench.records import Audit, AuditRow
from bench.records.audits import Result

NAMED = 10  # faults that a reason lists; the record has them all
Planted = tuple[str, Fault]  # with its kind


def run(job: Job, backend: Backend, device: str, progress: Progress) -> Finding:
    """A row for each fault and each control.

    The audit fails where a fault that this backend can have is missed, or a control is accused.
    """
    asked = [
        (kind, fault)
        for kind, fault in catalogue.table().values()
        if not job.config.faults or kind in job.config.faults
    ]
    # A worker watches its backend. Faults go below the eye: each is watched anew.
    rows = audit(job, contract.bare(backend), asked, progress)
    payload = Audit(rows=tuple(rows))
    wrong = [row.fault for row in rows if row.result in ("missed", "accused")]
    if not wrong:
        return Finding(payload, "ok")
    more = "; ..." if len(wrong) > NAMED else ""
    named = "; ".join(wrong[:NAMED])
    return Finding(payload, "failed", f"{len(wrong)} not as due: {named}{more}")


def audit(
    job: Job, backend: Backend, asked: Sequence[Planted], progress: Progress
) -> list[AuditRow]:
    """Rows of some faults and their controls, profile by profile: the next one's is what is left.

    Those that an interrupted run has left in its folder are not found again.
    """
    rows, todo = _kept(job), []
    for kind, fault in asked:
        if reason := fault.needs(backend):
            row = AuditRow(
                fault=fault.name, kind=kind, result="not_applicable", note=reason
            )
            rows[fault.name] = row
        elif fault.name not in rows:
            todo.append((kind, fault))
    for profile in PROFILES:
        beside = [(CONTROL, fault) for fault in controls(todo, profile)]
        put_now, todo = [*beside, *todo], []
        for done, (kind, fault) in enumerate(put_now):
            share = done / len(put_now)
            progress(f"{profile}: {fault.name}", share)
            row = examine(job, backend, kind, fault, profile)
            if row.result == "missed" and profile != PROFILES[-1]:
                todo.append((kind, fault))
                continue
            rows[fault.name] = row
            _keep(job, row)
    progress("done", 1.0)
    return list(rows.values())


def examine(
    job: Job, backend: Backend, kind: str, fault: Fault, profile: str
) -> AuditRow:
    """One fault under one profile: what shows it, and whether the right op and line are named."""
    started = time.perf_counter()
    wrong = WrongBackend(backend, fault.planting)
    with patched((*of_setting(fault.setting), *fault.patches)):
        answers = put(job, wrong, fault, profile)
    shown = answers.shown
    slips = "; ".join(sorted(wrong.touched.slips))
    row = AuditRow(
        fault=fault.name,
        kind=kind,
        op=fault.op,
        # a graph that could not be made was no fault of the backend
        result=_result(kind, replace(answers, shown=()) if slips else answers),
        profile=profile,
        by=tuple(one.by for one in shown),
        seconds=time.perf_counter() - started,
        note=slips or answers.reason or "; ".join(one.said for one in shown),
    )
    return row.model_copy(update=_blamed(fault, wrong, shown))


def _result(kind: str, answers: Answers) -> Result:
    if answers.reason:
        return "not_applicable"
    if kind == CONTROL:
        return "accused" if answers.shown else "clean"
    return "caught" if answers.shown else "missed"


def _blamed(
    fault: Fault, wrong: WrongBackend, shown: Sequence[Shown]
) -> dict[str, bool]:
    """Whether op and line are the planted ones, where there is an op to blame."""
    if not fault.op or not shown:
        return {}
    # the ladder's word, where it has one: the exam is asked op by op
    last = shown[-1]
    found = {"op_right": last.op == fault.op}
    if fault.model:
        found["line_right"] = (fault.op, last.where) in wrong.touched.lines()
    return found


def _file(job: Job) -> Path:
    return job.folder / f"audit-{job.backend}.jsonl"


def _keep(job: Job, row: AuditRow) -> None:
    """Leave a row in the run folder, for a run that is interrupted and resumed."""
    with open(_file(job), "a", encoding="utf-8") as file:
        file.write(row.model_dump_json() + "\n")


def _kept(job: Job) -> dict[str, AuditRow]:
    """The rows that an earlier try has left, by fault."""
    file = _file(job)
    if not file.exists():
        return {}
    # a last line that was torn is done again
    whole, newline, _ = file.read_text(encoding="utf-8").rpartition("\n")
    # and cut off, or the next row would be written behind it
    file.write_text(whole + newline, encoding="utf-8")
    rows = map(AuditRow.model_validate_json, filter(None, whole.split("\n")))
    return {row.fault: row for row in rows}

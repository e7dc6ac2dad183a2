"""Putting a backend to the tasks of a run, and what they say of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench import tasks
from bench.audit.fault import Fault
from bench.audit.planting.proxy import WrongBackend
from bench.audit.subjects import cell
from bench.coordinator.job import Finding, Job
from bench.parity import rungs
from bench.processes import blame, child, contract, placing
from bench.processes.contract import Watch
from bench.records import Exam, ExamRow, Parity

REFUSED = ("unsupported", "not_measured")  # nothing was asked


@dataclass(frozen=True)
class Shown:
    """What a task has found wrong: where it came out, and what it blames."""

    task: str
    by: str  # task, and the rung or question
    said: str
    op: str = ""
    where: str = ""  # model line


@dataclass(frozen=True)
class Answers:
    """What came of a fault: who has shown it, and why some cells could not be asked."""

    shown: tuple[Shown, ...]
    refusals: tuple[str, ...]
    asked: int  # cells that could be

    @property
    def reason(self) -> str:
        """Why nothing could be asked at all; empty where something was."""
        return "" if self.asked else next(iter(self.refusals), "nothing asks for it")


def put(job: Job, backend: WrongBackend, fault: Fault, profile: str) -> Answers:
    """Put a fault to each of its tasks, in their order.

    Of a ladder the first rung that fails ends it. Where there is no op to blame, once shown is
    enough.
    """
    shown: list[Shown] = []
    refusals: list[str] = []
    asked = 0
    for task, rung in _cells(fault):
        if any(one.task == task or not fault.op for one in shown):
            continue
        finding = _found(cell(job, fault, task, profile, rung), backend)
        if finding.status in REFUSED:
            refusals.append(finding.reason)
            continue
        asked += 1
        if finding.status != "ok":
            shown.append(_read(task, rung, finding))
    return Answers(tuple(shown), tuple(refusals), asked)


def _cells(fault: Fault) -> Iterator[tuple[str, str]]:
    """Tasks, and of the ladder one rung after the other."""
    for task in fault.tasks:
        if task == "parity" and fault.model:
            yield from (
                (task, rung) for rung in rungs.names() if rung not in fault.blind
            )
        elif task == "shape_ops" or fault.model:
            yield task, ""


def _found(job: Job, backend: WrongBackend) -> Finding:
    """A cell of its own: there is no training to go on from."""
    if job.task == "train":
        job.checkpoint.unlink(missing_ok=True)
    return served(job, backend)


def served(job: Job, backend: Any) -> Finding:
    """What a worker would make a record of, of a backend that no worker could load."""
    task = importlib.import_module(tasks.get(job.task).module)
    watch = Watch()
    eyed = contract.watched(backend, watch)
    try:
        watch.asked = placing.kind_of(eyed, job.config.device)
        finding: Finding = task.run(job, eyed, watch.asked, lambda text, share: None)
    except Exception as error:
        finding = blame.lost(error)
    return child.settled(finding, watch)


def _read(task: str, rung: str, finding: Finding) -> Shown:
    """Whom a finding blames."""
    payload = finding.payload
    by = f"{task}: {rung}" if rung else task
    shown = Shown(task, by, finding.reason)
    if isinstance(payload, Exam):
        wrong = [row for row in payload.rows if row.result == "failed"]
        questions = ", ".join(dict.fromkeys(row.question for row in wrong))
        return replace(shown, by=f"{task}: {questions}", op=_blamed(wrong))
    if isinstance(payload, Parity):
        for check in payload.checks:
            if not check.ok and check.op:
                return replace(shown, op=check.op, where=check.where)
    return shown


def _blamed(wrong: Sequence[ExamRow]) -> str:
    """The op that is to blame, or several.

    Gradients are taken of a sum of products: where those are wrong themselves, so is the
    gradient of every op, and no other's value.
    """
    values = [row.op for row in wrong if row.question != "gradient"]
    return ", ".join(dict.fromkeys(values or [row.op for row in wrong]))

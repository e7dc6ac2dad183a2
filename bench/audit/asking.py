"""Putting a backend to the tasks of a run, and what they say of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bench import tasks
from bench.audit.fault import Fault
from bench.audit.planting.proxy import WrongBackend
from bench.audit.subjects import cell
from bench.coordinator.job import Finding, Job
from bench.parity import rungs
from bench.processes import blame, child, contract
from bench.processes.contract import Watch
from bench.records import Exam, ExamRow, Parity

FINE = ("ok", "unsupported", "not_measured")  # nothing that was measured is wrong


@dataclass(frozen=True)
class Shown:
    """What a task has found wrong: where it came out, and what it blames."""

    by: str  # task, and the rung or question
    said: str
    op: str = ""
    where: str = ""  # model line


def put(job: Job, backend: WrongBackend, fault: Fault, profile: str) -> Iterator[Shown]:
    """What each task of a fault finds wrong, in the order that they are asked.

    Of a ladder the first rung that fails; the others are not climbed.
    """
    for task in fault.tasks:
        if task != "shape_ops" and not fault.model:
            continue  # no model holds it
        steps = _rungs(fault) if task == "parity" else [""]
        for rung in steps:
            asked = cell(job, fault, task, profile, rung)
            if shown := _asked(asked, backend, fault, rung):
                yield shown
                break
        else:
            continue
        if not fault.op:
            return  # nobody to blame: once is enough


def _rungs(fault: Fault) -> list[str]:
    return [rung for rung in rungs.names() if rung not in fault.blind]


def _asked(job: Job, backend: WrongBackend, fault: Fault, rung: str) -> Shown | None:
    """What one cell finds wrong; None where nothing is."""
    by = ": ".join(filter(None, (job.task, rung)))
    if job.task == "train":
        job.checkpoint.unlink(
            missing_ok=True
        )  # of the fault before: nothing to go on from
    finding = served(job, backend)
    return None if finding.status in FINE else _read(by, finding)


def served(job: Job, backend: Any) -> Finding:
    """What a worker would make a record of, of a backend that no worker could load."""
    task = importlib.import_module(tasks.get(job.task).module)
    watch = Watch()
    eyed = contract.watched(backend, watch)
    try:
        watch.asked = eyed.device(job.config.device)
        finding: Finding = task.run(job, eyed, watch.asked, lambda text, share: None)
    except Exception as error:
        finding = blame.lost(error)
    return child.settled(finding, watch)


def _read(by: str, finding: Finding) -> Shown:
    """Whom a finding blames."""
    payload = finding.payload
    if isinstance(payload, Exam):
        wrong = [row for row in payload.rows if row.result == "failed"]
        questions = ", ".join(dict.fromkeys(row.question for row in wrong))
        return Shown(f"{by}: {questions}", finding.reason, op=_blamed(wrong))
    if isinstance(payload, Parity):
        for check in payload.checks:
            if not check.ok and check.op:
                return Shown(by, finding.reason, check.op, check.where)
    return Shown(by, finding.reason)


def _blamed(wrong: Sequence[ExamRow]) -> str:
    """The op that is to blame, or several.

    Gradients are taken of a sum of products: where those are wrong themselves, so is the
    gradient of every op, and no other's value.
    """
    values = [row.op for row in wrong if row.question != "gradient"]
    return ", ".join(dict.fromkeys(values or [row.op for row in wrong]))

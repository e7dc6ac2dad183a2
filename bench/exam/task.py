"""The op exam: what a backend answers to each question, judged.

Shape, dtype, value, gradient, and kernel against body are asked apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial

from backends.base import Backend, Settings
from bench.coordinator.job import Finding, Job, Progress
from bench.exam import questions as papers
from bench.exam.grouping import companies
from bench.exam.question import Question, put, renamed
from bench.exam.questions import Part
from bench.exam.survival import Survival
from bench.processes import machine
from bench.processes.blame import said
from bench.processes.steps import Steps
from bench.records import Exam, ExamRow
from models import ops

# Questions in one program: enough to share a compilation, few enough to be halved quickly
# where one raises.
TOGETHER = 48


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
    *,
    steps: Steps | None = None,
) -> Finding:
    """Ask everything; with `steps`, by as many workers as it takes.

    The exam fails where an answer is wrong or a worker is ended that is no known gap, or a known
    gap is closed.
    """
    steps = steps or Steps(job, lambda said: None)
    steps.resume(_question(job))
    survival = Survival(steps, seconds=job.config.exam.seconds)
    parts, left_out = papers.plan(job.config.exam, backend.modes)
    rows: list[ExamRow] = []
    for done, (mode, part) in enumerate(parts.items()):
        settings = Settings(device=device, compiled=backend.modes[mode])
        groups = list(_groups(list(_asked(job, backend, settings, part))))
        for i, group in enumerate(groups):
            share = (done + i / len(groups)) / len(parts)
            tell = partial(_tell, progress, share, mode)
            rows += survival.rows(f"{mode} {i}", group, tell)
    for i, group in enumerate(_of_editions(job, backend, device, left_out)):
        tell = partial(_tell, progress, 1.0, "editions")
        rows += survival.rows(f"editions {i}", group, tell)
    progress("done", 1.0)
    payload = Exam(
        rows=tuple(rows),
        gaps=dict(backend.gaps),
        left_out=left_out | survival.left_out(),
        customary=next(iter(backend.modes)),
        modes=tuple(backend.modes),
        device=device,
    )
    reason = "; ".join(filter(None, (_fatal(survival), _wrong(rows))))
    return Finding(payload, "failed" if reason else "ok", reason)


def _question(job: Job) -> str:
    """All that decides which questions are put and how, as text."""
    config = job.config
    asked = {
        "exam": config.exam.model_dump(exclude={"seconds"}),
        "ops": config.ops,
        "seed": config.seed,
        "device": config.device,
        "versions": machine.versions(),
    }
    return json.dumps(asked, sort_keys=True)


def _tell(progress: Progress, share: float, where: str, ops: str) -> None:
    progress(f"{where}: {ops}", share)


def _fatal(survival: Survival) -> str:
    """Which ops have ended workers, where no declared gap says that they do."""
    ended = survival.ended()
    return f"ended workers: {', '.join(ended)}" if ended else ""


def _wrong(rows: Sequence[ExamRow]) -> str:
    """Which ops are answered wrongly, and why where all are for the same reason."""
    failed = [row for row in rows if row.result == "failed"]
    if not failed:
        return ""
    told = f"wrong answers: {', '.join(sorted({row.op for row in failed}))}"
    notes = {row.note for row in failed}
    # one method of the backend that raises, say, whatever it is asked
    return f"{told} ({notes.pop()})" if len(notes) == 1 and "" not in notes else told


def _asked(
    job: Job,
    backend: Backend,
    settings: Settings,
    part: Part,
) -> Iterator[Question]:
    """All of one mode, op by op: of the ops that are named, or of every op."""
    for name in dict.fromkeys(job.config.ops) or ops.table():
        for paper in papers.questions(name, part, seed=job.config.seed):
            yield put(backend, settings, paper)


def _of_editions(
    job: Job, backend: Backend, device: str, left_out: dict[str, str]
) -> Iterator[list[Question]]:
    """The first case of each op, put to what writes it otherwise."""
    # what zeros and the like do to a node is asked of every op above
    numbers = "first" if job.config.exam.numbers == "all" else "none"
    part = Part(("float32",), cases=1, variants="none", numbers=numbers)
    try:
        editions = dict(backend.editions())
    except Exception as error:  # a backend that raises loses what it was asked for
        left_out["editions"] = said(error)
        return
    for name, edition in editions.items():
        asked = _asked(job, edition, Settings(device=device), part)
        yield from _groups([renamed(one, f"in {name}") for one in asked])


def _groups(asked: Sequence[Question]) -> Iterator[list[Question]]:
    """Questions of as many sittings, as many as share a program."""
    for company in companies(dict(enumerate(asked))):
        for i in range(0, len(company), TOGETHER):
            yield [asked[number] for number in company[i : i + TOGETHER]]

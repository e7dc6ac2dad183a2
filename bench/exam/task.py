"""The op exam: what a backend answers to each question, judged.

Shape, dtype, value, gradient, and kernel against body are asked apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backends.base import Backend, Settings
from bench.coordinator.job import Finding, Job, Progress
from bench.exam import questions as papers
from bench.exam.asking import companies
from bench.exam.examining import examine_all
from bench.exam.question import Question, put, renamed
from bench.exam.questions import Part
from bench.processes.blame import said
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
) -> Finding:
    """Ask everything.

    The exam fails where an answer is wrong that is no known gap, or a known gap is closed.
    """
    parts, left_out = papers.plan(job.config.exam, backend.modes)
    rows: list[ExamRow] = []
    for done, (mode, part) in enumerate(parts.items()):
        settings = Settings(device=device, compiled=backend.modes[mode])
        groups = list(_groups(list(_asked(job, backend, settings, part))))
        for i, group in enumerate(groups):
            share = (done + i / len(groups)) / len(parts)
            progress(f"{mode}: {group[0].probe.op}", share)
            rows += examine_all(group)
    for group in _of_editions(job, backend, device, left_out):
        progress(group[0].case, 1.0)
        rows += examine_all(group)
    progress("done", 1.0)
    payload = Exam(
        rows=tuple(rows),
        gaps=dict(backend.gaps),
        left_out=left_out,
        customary=next(iter(backend.modes)),
    )
    reason = _wrong(rows)
    return Finding(payload, "failed" if reason else "ok", reason)


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

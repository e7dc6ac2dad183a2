"""The parity ladder: every rung of `bench.parity.rungs` in its order.

Each number is held against the float64 oracle; the first rung that fails names the cause.

The budget of a number is `bench.parity.budget`'s. What was computed is kept as a trace
(`bench.parity.traces`), so that backends can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from backends.base import Backend
from bench.coordinator.job import Finding, Job, Progress
from bench.parity import locate, repro, rungs, traces
from bench.parity.judging import Judged
from bench.parity.traces import Row, Trace
from bench.parity.trial import Trial, prepare
from bench.records import Parity


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
) -> Finding:
    """Climb the ladder to its end; failures below do not hide those above."""
    trial = prepare(job, backend, device)
    judged = climb(trial, progress)
    _keep(job, trial, judged)
    checks = tuple(item.check for item in judged)
    failed = [check for check in checks if not check.ok]
    culprit = _culprit(job, trial) if failed or trial.size.locate else ""
    if not failed:
        return Finding(Parity(checks=checks, culprit=culprit), "ok")
    first = f"{failed[0].kind}: {failed[0].name}"
    reason = f"{first}; first node beyond its budget: {culprit or 'none alone'}"
    return Finding(
        Parity(checks=checks, first_failure=first, culprit=culprit), "failed", reason
    )


def climb(trial: Trial, progress: Progress) -> list[Judged]:
    """All rungs that were asked for; every one where none was named."""
    names = rungs.names()
    judged: list[Judged] = []
    for done, name in enumerate(names):
        if name in (trial.size.rungs or names):
            progress(name, done / len(names))
            judged += rungs.load(name)(trial, progress)
    return judged


def _keep(job: Job, trial: Trial, judged: Sequence[Judged]) -> None:
    """Leave the trace in the run folder."""
    rows = {
        f"{item.check.kind}/{item.check.graph}/{item.name}": Row(
            item.value, item.allowed, item.scale
        )
        for item in judged
    }
    trace = Trace(job.backend, job.model, trial.question(), rows)
    traces.save(traces.path(job.folder, job.backend, job.model), trace)


def _culprit(job: Job, trial: Trial) -> str:
    """The first node that is wrong by itself, packed where that was asked for.

    Empty where each alone keeps its budget.
    """
    fault = locate.first_fault(
        trial.graphs(), trial.backend, trial.device, trial.params, trial.feeds
    )
    if fault is None:
        return ""
    if trial.size.locate:
        place = job.folder / "repro" / f"{job.backend}-{job.model}"
        repro.write(place, fault.probe, fault.text, backend=job.backend)
    return fault.text

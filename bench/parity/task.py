"""The parity ladder: every rung of `bench.parity.rungs` in its order.

Each number is held against the float64 oracle; the first rung that fails names the cause.

The budget of a number is `bench.parity.budget`'s. What was computed is kept as a trace
(`bench.parity.traces`), so that backends can be held against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from backends.base import Backend, Unsupported
from bench.coordinator.job import Death, Finding, Job, Progress
from bench.parity import afford, judging, locate, memory, refused, repro, rungs, traces
from bench.parity.judging import Judged
from bench.parity.locate import Fault
from bench.parity.traces import Row, Trace
from bench.parity.trial import Trial, prepare
from bench.processes.blame import RAISED, said
from bench.processes.steps import Steps
from bench.records import Check, Parity

# Kinds of checks that an op may have spoilt. Steps and trajectories come after outputs and
# gradients that were right: then it was no op.
LOCATED = (
    "forward",
    "loss",
    "state",
    "gradient",
    "equivalence",
    "calls",
    "raised",
)
LOCATING = "locate"  # the step after all rungs
NOBODY = "no node could be located"  # where the search itself raises


@dataclass
class Climbed:
    """What a ladder has found, and the rungs that could not be asked, each with the reason."""

    judged: list[Judged] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    # rungs that memory had no room for, in words
    starved: list[str] = field(default_factory=list)


def run(
    job: Job,
    backend: Backend,
    device: str,
    progress: Progress,
    *,
    steps: Steps | None = None,
) -> Finding:
    """Climb the ladder to its end; failures below do not hide those above.

    With `steps`, a rung that ends its worker is left to that, and the others are climbed.
    """
    steps = steps or Steps(job, lambda said: None)
    trial = prepare(job, backend, device)
    if reason := refused.reason(trial.spec, trial.size):
        return Finding(None, "not_measured", reason)
    steps.resume(trial.question())
    found = climb(trial, progress, steps)
    if not found.judged:
        # nothing could be asked: the backend's own words are the finding
        reason = next(iter(found.left_out.values()), "no rung was asked for")
        return Finding(
            None, "out_of_memory" if found.starved else "unsupported", reason
        )
    _keep(job, trial, found.judged)
    return _finding(job, trial, found, steps)


def climb(trial: Trial, progress: Progress, steps: Steps) -> Climbed:
    """All rungs that were asked for; every one where none was named.

    A rung that raises is a finding like any other: what it had found before is kept, and the
    rungs above it are climbed. So is one that has ended a worker.
    """
    names = rungs.names()
    found = Climbed()
    for done, name in enumerate(names):
        if name not in (trial.size.rungs or names):
            continue
        progress(name, done / len(names))
        if death := steps.death(name):
            _lost(found, name, death)
        # those that an earlier worker has climbed are climbed again: they are quick
        elif steps.over and not steps.kept(name):
            found.left_out[name] = "the time of the ladder was over"
        else:
            with steps.begun(
                name, seconds=trial.size.seconds, setting="parity.seconds"
            ):
                _climb(trial, name, progress, found)
            steps.keep(name, True)
    found.left_out |= trial.left_out | afford.left_out(trial)
    return found


def _climb(trial: Trial, name: str, progress: Progress, found: Climbed) -> None:
    """One rung."""
    try:
        # one by one, so that a rung which raises keeps its first findings
        for judged in rungs.load(name)(trial, progress):
            found.judged.append(judged)
    except Unsupported as error:
        found.left_out[name] = str(error)
    except MemoryError:
        raise  # ends the cell: what is above needs as much again
    except RAISED as error:
        found.judged.append(judging.raised(name, said(error)))
    memory.give_back()


def _lost(found: Climbed, name: str, death: Death) -> None:
    """A rung that has ended a worker; for want of memory, that is no fault of the numbers."""
    if death.status == "out_of_memory":
        found.starved.append(death.reason)
        found.left_out[name] = death.reason
    else:
        found.judged.append(judging.raised(name, death.reason))


def _finding(job: Job, trial: Trial, found: Climbed, steps: Steps) -> Finding:
    checks = [item.check for item in found.judged]
    if trial.spec.reads == "images":
        # parts of a crop are no lengths
        checks = [each.model_copy(update={"millimetres": None}) for each in checks]
    failed = [check for check in checks if not check.ok]
    fault = None
    if (failed and _of_a_node(failed[0])) or trial.size.locate:
        fault = _located(job, trial, steps)
    payload = Parity(
        checks=_blaming(checks, fault),
        left_out=found.left_out,
        preset=trial.preset,
        precisions=tuple(dict.fromkeys(check.precision for check in checks)),
        parameters=trial.spec.parameter_count(),
        optimizer=trial.optimizer.rule,
        culprit=fault.text if fault else "",
    )
    if not failed and found.starved:
        return Finding(payload, "out_of_memory", found.starved[0])
    if not failed:
        return _ended(payload)
    check = failed[0]
    first = f"{check.kind}: {check.name}"
    if not fault and check.where:
        # the rung knows its node itself
        culprit = f"{check.op} at {check.where} ({check.note})"
        payload = payload.model_copy(update={"culprit": culprit})
    payload = payload.model_copy(update={"first_failure": first})
    return Finding(payload, "failed", f"{first}; {_cause(job, check, payload)}")


def _cause(job: Job, check: Check, payload: Parity) -> str:
    """The node to blame and where it is packed, or that it is none, in words."""
    if payload.culprit.startswith(NOBODY):
        return payload.culprit
    if payload.culprit:
        packed = repro.place(job.folder, job.backend, job.model)
        told = f"; packed, ask again with: {repro.command(packed, job.backend)}"
        said_of_it = told if packed.exists() else ""
        return f"first node beyond its budget: {payload.culprit}{said_of_it}"
    note = "" if check.note.startswith("float32") else f" ({check.note})"
    return f"no single node is wrong by itself: see the {_whole(check)}{note}"


def _whole(check: Check) -> str:
    """What a check is about that no node has spoilt."""
    wholes = {"step": "optimizer", "update": "trainer", "trajectory": "trainer"}
    return wholes.get(check.kind, "program as a whole")


def _of_a_node(check: Check) -> bool:
    """Whether a node may be the cause of a check that failed, and is not named yet."""
    # what is asked by yes or no is about the program as a whole
    return check.kind in LOCATED and check.unit == "relative" and not check.where


def _ended(payload: Parity) -> Finding:
    """Nothing has failed; a rung that the framework cannot be asked is no green one."""
    for name in rungs.names():
        if name in payload.left_out:
            reason = f"{name}: {payload.left_out[name]}"
            return Finding(payload, "unsupported", reason)
    return Finding(payload)


def _blaming(checks: Sequence[Check], fault: Fault | None) -> tuple[Check, ...]:
    """The checks, the first that failed with the node that is the cause."""
    blamed = list(checks)
    for i, check in enumerate(blamed):
        if not check.ok and fault and not check.where:
            told = {"op": fault.op, "where": fault.where}
            blamed[i] = check.model_copy(update=told)
            break
    return tuple(blamed)


def _keep(job: Job, trial: Trial, judged: Sequence[Judged]) -> None:
    """Leave the trace in the run folder."""
    rows = {
        f"{item.check.kind}/{item.check.graph}/{item.name}": Row(
            item.value, item.allowed, item.scale
        )
        for item in judged
        # what was drawn, or answered by yes or no, is no number that two backends share
        if item.check.unit == "relative" and item.check.kind != "noise"
    }
    trace = Trace(job.backend, job.model, trial.question(), rows)
    traces.save(traces.path(job.folder, job.backend, job.model), trace)


def _located(job: Job, trial: Trial, steps: Steps) -> Fault | None:
    """The node to blame; what raises on the way to it, or ends the worker, costs no check."""
    death = steps.death(LOCATING)
    if death or steps.over:
        why = death.reason if death else "the time of the ladder was over"
        return Fault("", "", f"{NOBODY}: {why}", None)
    try:
        with steps.begun(
            LOCATING, seconds=trial.size.seconds, setting="parity.seconds"
        ):
            return _fault(job, trial)
    except MemoryError:
        raise
    except RAISED as error:
        return Fault("", "", f"{NOBODY}: {said(error)}", None)


def _fault(job: Job, trial: Trial) -> Fault | None:
    """The first node that is wrong, packed where that was asked for.

    None where each keeps its budget, alone and within its graph.
    """
    given = (trial.backend, trial.device, trial.params, trial.feeds)
    fault = locate.first_fault(trial.graphs(), *given)
    if fault is None:
        within = (locate.first_within(graph, *given) for graph in trial.graphs())
        return next(filter(None, within), None)
    if trial.size.locate and fault.probe:
        place = repro.place(job.folder, job.backend, job.model)
        repro.write(place, fault.probe, fault.text, backend=job.backend)
    return fault

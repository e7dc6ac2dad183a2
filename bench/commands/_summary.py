"""The one figure of a cell that a reader looks for, by what kind of payload it has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import Any

from bench.commands._counted import counted
from bench.records import (
    Again,
    Audit,
    Baselines,
    Check,
    Comparison,
    Detours,
    Evaluation,
    Exam,
    Feasibility,
    Parity,
    Profile,
    Record,
    Scored,
    ThirdParty,
    Throughput,
    Training,
)

SURFACE = "MPVPE"  # what a model of surfaces is trained for, whatever the headline is
NOTES = 8  # lines about the data before the table


def about_data(told: Mapping[str, Any]) -> list[str]:
    """What a run was trained and tested on, and a line for each note of the reader."""
    if not told:
        return []
    trained = (
        f"trains on {counted(told['train_frames'], 'frame')} of"
        f" {counted(told['train_takes'], 'take')}"
    )
    tested = f"tests on {told['test_frames']:,} of {told['test_takes']:,}"
    # an older run has not counted them
    if (scored := told.get("test_scored", told["test_frames"])) < told["test_frames"]:
        tested += f", {scored:,} of them scored"
    under = _protocol(
        told["protocol"], told["protocol_hash"], told["part_of_each_clip"]
    )
    notes = [f"note: {note}" for note in told["notes"][:NOTES]]
    if len(told["notes"]) > NOTES:
        notes.append(f"note: and {len(told['notes']) - NOTES:,} more (all with --json)")
    return [f"data: {under} {trained}, {tested}", *notes]


def _protocol(name: str, key: str, part: float) -> str:
    """A protocol beside its hash, and that it is of a part where it is.

    A part makes another hash, and a profile may ask for it unseen.
    """
    return f"protocol {name} {key}" + (f" ({part:g} of each clip)" if part < 1 else "")


def finding(record: Record) -> str:
    """What stands beside a cell: what went wrong, else its figure."""
    # of an exam that failed it tells more than the names of ops
    wrong = isinstance(record.payload, Exam) and record.status == "failed"
    return summary(record) if wrong else record.reason or summary(record)


def summary(record: Record) -> str:
    """One line; empty where nothing was measured."""
    return _said(record.payload)


@singledispatch
def _said(payload: object) -> str:
    # None, of a cell that was not measured; its record has a reason, which is shown instead
    return ""


@_said.register
def _parity(payload: Parity) -> str:
    # what a reader asks first where all holds: how near it was to not holding
    if not payload.checks:
        return "nothing was asked"
    worst = max(payload.checks, key=_nearness)
    held = f"{_held(payload.checks)} checks hold"
    share = f" ({_nearness(worst):.2f} of it)" if worst.error else ""
    return f"{held}; closest to its bound: {worst.kind} {worst.name}{share}"


@_said.register
def _comparison(payload: Comparison) -> str:
    return f"{_held(payload.checks)} values agree with {payload.against}"


@_said.register
def _exam(payload: Exam) -> str:
    from reports import wrongly

    if wrong := wrongly.told(payload.rows):
        return f"wrong answers: {wrong}"
    results = [row.result for row in payload.rows]
    said = f"{results.count('passed')} of {len(results)} questions passed"
    gaps = results.count("gap")
    return f"{said}, {gaps} are declared gaps" if gaps else said


@_said.register
def _detours(payload: Detours) -> str:
    timed = [row for row in payload.rows if row.ratio is not None]
    told = ", ".join(f"{row.op} {row.ratio:.1f} times" for row in timed)
    return f"ways round beside kernels: {told}" if told else "no way round was timed"


@_said.register
def _profile(payload: Profile) -> str:
    timed = [row for row in payload.rows if row.seconds is not None]
    if not timed:
        return "no call was timed"
    parts = sum(row.seconds * row.count for row in timed if row.seconds)
    first = timed[0]
    share = (first.seconds or 0.0) * first.count / parts
    whole, summed = payload.whole * 1e3, parts * 1e3
    return (
        f"{whole:.3g} ms a call, {summed:.3g} ms in its parts; most in {first.op} at"
        f" {first.where}: {share:.0%}"
    )


@_said.register
def _third_party(payload: ThirdParty) -> str:
    (_, run), *results = payload.counts().items()  # `run` comes first
    counted = ", ".join(f"{amount} {result}" for result, amount in results)
    return f"{run} cases run: {counted}".replace("_", " ")


@_said.register
def _audit(payload: Audit) -> str:
    results = [row.result for row in payload.rows]
    put = results.count("caught") + results.count("missed")
    caught = f"{results.count('caught')} of {put} faults caught"
    return f"{caught}, {results.count('accused')} controls accused"


@_said.register
def _training(payload: Training) -> str:
    if not payload.validation_mpjpe:  # diverged before the first one
        return f"{payload.steps} steps"
    steps = f"{payload.steps} steps in {payload.train_seconds:.0f} s"
    error = f"{payload.validation_mpjpe[-1]:.1f} {payload.validation_unit}"
    last = f"{payload.validation_of} {error} on {payload.validated_on} poses"
    told = f"{steps}, {last}; {_under(payload)}"
    return f"{told}; {payload.note}" if payload.note else told


@_said.register
def _again(payload: Again) -> str:
    told = []
    for scores, how in (
        (payload.scores, "with other draws"),
        (payload.own_scores, "with other seeds"),
    ):
        if scores:
            told.append(f"{' and '.join(map(_mm, scores))} {how}")
    return f"{', '.join(told)}; {_under(payload)}"


@_said.register
def _baselines(payload: Baselines) -> str:
    scores = [
        f"{one.name} {_mm(payload.headlined(one.metrics))}" for one in payload.baselines
    ]
    return f"{payload.headline} of the {' and the '.join(scores)}; {_under(payload)}"


@_said.register
def _evaluation(payload: Evaluation) -> str:
    unit = payload.metrics[0].unit if payload.guesses else "mm"
    score = _in(unit, payload.headlined(payload.metrics))
    told = f"{payload.headline} {score} {payload.averaging}-wise"
    surface = payload.headlined(payload.metrics, SURFACE)
    if surface is not None and payload.headline != SURFACE:
        told += f", {SURFACE} {_mm(surface)}"
    for guess in payload.guesses:
        told += f", {guess.name} {_in(unit, payload.headlined(guess.metrics))}"
    if payload.aggregates:
        told += f"; of {payload.hypotheses} hypotheses {_made(payload)}"
    return f"{told}; {_under(payload)}"


def _made(payload: Evaluation) -> str:
    """What can be made of several hypotheses; who needs the truth for it, is told."""
    made = []
    for one in payload.aggregates:
        needs = f" (needs {one.needs})" if one.needs else ""
        made.append(f"{one.name} {_mm(payload.headlined(one.metrics))}{needs}")
    return ", ".join(made)


@_said.register
def _throughput(payload: Throughput) -> str:
    from reports.verdict import void

    # the report shows no rate of a noisy host, so neither does the terminal
    if why := void(payload):
        return f"no rate: {why}"
    forward = [row for row in payload.timings if row.what == "forward"]
    good = [row for row in forward if not row.fault]
    if not good:
        return f"no rate: {forward[0].fault}" if forward else ""
    fast = max(good, key=lambda row: row.frames_per_second or 0)
    if not fast.frames_per_second:  # too quick for the clock, or void
        return ""
    rate = f"{fast.frames_per_second:,.0f} frames/s forward at batch {fast.batch}"
    if not (ratio := fast.ratio):
        return rate
    if not ratio.shown:
        return f"{rate}, no difference shown from {ratio.against}"
    ends = f"{ratio.low:.2f} to {ratio.high:.2f}"
    return f"{rate}, {ratio.value:.2f} times the time of {ratio.against} ({ends})"


@_said.register
def _feasibility(payload: Feasibility) -> str:
    needs = [need for graph in payload.graph_ops.values() for need in graph]
    gaps = sum(need.via == "gap" for need in needs)
    way = f", {payload.answers.way}" if payload.answers else ""
    return f"{payload.parameters:,} parameters, {gaps} gaps{way}"


def _held(checks: tuple[Check, ...]) -> str:
    return f"{sum(check.ok for check in checks)} of {len(checks)}"


def _nearness(check: Check) -> float:
    """How much of its bound an error takes; where none is allowed, the error itself."""
    error = check.error or 0.0
    return error / check.bound if check.bound else error


def _under(payload: Scored | Training | Again) -> str:
    """No number goes without the protocol it was measured under."""
    return _protocol(payload.protocol, payload.protocol_hash, payload.fraction)


def _mm(score: float | None) -> str:
    return _in("mm", score)


def _in(unit: str, score: float | None) -> str:
    return "not measured" if score is None else f"{score:.1f} {unit}"

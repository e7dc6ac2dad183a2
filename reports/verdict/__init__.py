"""From records to an answer: can this model be ported to that backend, and why.

Every reason carries its evidence grade: *measured* (a run showed it), *declared* (a
manifest or the backend says so), *not run*. The worst reason decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bench.records import (
    Check,
    Evaluation,
    Exam,
    Feasibility,
    Parity,
    Record,
    Run,
    ThirdParty,
    Throughput,
    Timing,
)
from reports import cells
from reports.numbers import number, percent

Answer = Literal["yes", "yes with gaps", "no", "undecided"]
Grade = Literal["measured", "declared", "not run"]

SEVERITY: tuple[Answer, ...] = ("yes", "yes with gaps", "undecided", "no")
# a lower precision that fails is a gap: the model can still be ported
FULL_PRECISION = ("fp32", "fp64")
GRADES: dict[str, Grade] = {
    "unsupported": "declared",
    "not_measured": "not run",
    "invalid": "not run",
}


@dataclass(frozen=True)
class Threshold:
    """A number that turns a measurement into an answer, and why it is that number."""

    limit: float
    why: str


THRESHOLDS = {
    "parity error ÷ bound": Threshold(
        1.0,
        "the bound is already the error budget of float32; more is another function, not"
        " rounding",
    ),
    "MPJPE ÷ best trivial baseline": Threshold(
        1.0, "a model that a straight line or the mean pose equals has not learnt the task"
    ),
    "noise floor of the host": Threshold(
        0.1,
        "when the same program differs from itself by a tenth, smaller differences say"
        " nothing",
    ),
}


@dataclass(frozen=True)
class Reason:
    """One finding: which answer it alone would give, how well it is known, and what would
    change it.
    """

    answer: Answer
    grade: Grade
    text: str
    change: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer for one model on one backend, or for a backend when `model` is empty."""

    backend: str
    model: str
    answer: Answer
    reasons: tuple[Reason, ...]

    @property
    def changes(self) -> tuple[str, ...]:
        """What would change the answer, each thing once: only what the reasons as bad as
        the answer ask for.
        """
        level = SEVERITY.index(self.answer)
        deciding = [
            reason for reason in self.reasons if SEVERITY.index(reason.answer) >= level
        ]
        return tuple(dict.fromkeys(reason.change for reason in deciding if reason.change))


@dataclass(frozen=True)
class Evidence:
    """All records of one model on one backend, and the records of that backend's op exam."""

    records: tuple[Record, ...]
    exams: tuple[Record, ...]

    def of(self, task: str) -> list[Record]:
        """Records of one task."""
        return [record for record in self.records if record.task == task]


def verdicts(run: Run) -> list[Verdict]:
    """For each backend its own verdict, then those of its models."""
    out = []
    for backend in cells.backends(run):
        models = [of_model(run, backend, model) for model in cells.models(run, backend)]
        out += [of_backend(run, backend, models), *models]
    return out


def of_model(run: Run, backend: str, model: str) -> Verdict:
    """Every rule asked about one model on one backend; the worst reason decides."""
    evidence = gather(run, backend, model)
    reasons = [
        reason
        for rule in (feasible, parity, examined, trained, better_than_trivial, timed)
        for reason in rule(evidence)
    ]
    return Verdict(
        backend, model, worst(reason.answer for reason in reasons), by_severity(reasons)
    )


def of_backend(run: Run, backend: str, models: Iterable[Verdict]) -> Verdict:
    """What the models' verdicts and the op exam say about a backend as a whole.

    One model that works shows that porting is possible, so the others can then only take
    the answer down to "yes with gaps".
    """
    judged = list(models)
    reasons = [
        *map(from_model, judged),
        *unneeded_gaps(run, backend),
        *outside_cases(run, backend),
    ]
    if not judged:
        reasons.append(
            Reason(
                "undecided",
                "not run",
                "no model was tried on this backend",
                "run at least one model",
            )
        )
    if {"yes", "yes with gaps"} & {verdict.answer for verdict in judged}:
        answer = min(
            worst(reason.answer for reason in reasons), "yes with gaps", key=SEVERITY.index
        )
    elif judged and all(verdict.answer == "no" for verdict in judged):
        answer = "no"
    else:
        answer = "undecided"
    return Verdict(backend, "", answer, by_severity(reasons))


def gather(run: Run, backend: str, model: str) -> Evidence:
    """The records that bear on a model on a backend."""
    here = [record for record in run.records if record.backend == backend]
    exams = tuple(record for record in here if record.task == "shape_ops")
    return Evidence(
        tuple(
            record
            for record in here
            if record.model == model and record.task != "shape_ops"
        ),
        exams,
    )


def worst(answers: Iterable[Answer]) -> Answer:
    """The most severe answer; without any evidence it is open."""
    return max(answers, key=SEVERITY.index, default="undecided")


def by_severity(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons that decide come first."""
    return tuple(sorted(reasons, key=lambda reason: -SEVERITY.index(reason.answer)))


def feasible(evidence: Evidence) -> list[Reason]:
    """A gap in an op that the model needs is a no; a feature that the backend has not is a
    gap.
    """
    found = cells.payloads(evidence.records, Feasibility)
    reasons = [reason for _, payload in found for reason in coverage(payload)]
    return reasons + unmeasured(evidence, "feasibility", "op coverage")


def coverage(payload: Feasibility) -> list[Reason]:
    """Reasons from one static answer."""
    needs = [need for ops in payload.graph_ops.values() for need in ops]
    gaps = {
        need.op: need.reason or "no reason given" for need in needs if need.via == "gap"
    }
    if gaps:
        named = "; ".join(f"{op} ({why})" for op, why in sorted(gaps.items()))
        reasons = [
            Reason(
                "no",
                payload.grade,
                f"needs what the backend cannot do: {named}",
                f"a kernel or a body for {', '.join(sorted(gaps))}",
            )
        ]
    else:
        reasons = [
            Reason(
                "yes",
                payload.grade,
                f"all {len({need.op for need in needs})} kinds of op it needs can be"
                " expressed",
            )
        ]
    lacking = {
        name: said
        for name, said in payload.features.items()
        if not said.lower().startswith("yes")
    }
    return reasons + [
        Reason(
            "yes with gaps",
            payload.grade,
            f"{name}: {said}",
            f"support for {name} in the backend",
        )
        for name, said in lacking.items()
    ]


def parity(evidence: Evidence) -> list[Reason]:
    """A failed check in full precision is a no; no measured ladder in full precision leaves
    the question open.
    """
    records = evidence.of("parity")
    full = [record for record in records if record.precision in FULL_PRECISION]
    measured = [
        judge(record, payload)
        for record, payload in cells.payloads(full, Parity)
        if is_measured(payload)
    ]
    lower = [
        judge(record, payload)
        for record, payload in cells.payloads(records, Parity)
        if record not in full and is_measured(payload)
    ]
    silent = [
        record
        for record in records
        if not (isinstance(record.payload, Parity) and is_measured(record.payload))
        or record.status == "invalid"
    ]
    reasons = (
        measured
        + lower
        + [
            open_parity(record, decisive=not measured and record in full)
            for record in silent
        ]
    )
    if not full:
        reasons.append(
            Reason(
                "undecided",
                "not run",
                "parity in full precision was not measured",
                "run parity in fp32",
            )
        )
    return reasons


def is_measured(payload: Parity) -> bool:
    """Whether any check has a number or a failure; a ladder without rungs proves nothing."""
    return any(check.error is not None or not check.ok for check in payload.checks)


def is_broken(check: Check) -> bool:
    """A check that says it failed, or whose error is above its bound whatever it says."""
    limit = THRESHOLDS["parity error ÷ bound"].limit
    return not check.ok or (
        check.error is not None and not check.error <= limit * check.bound
    )


def judge(record: Record, payload: Parity) -> Reason:
    """The reason that one measured ladder gives."""
    broken = [check for check in payload.checks if is_broken(check)]
    if not broken:
        return Reason(
            "yes",
            "measured",
            f"all {len(payload.checks)} parity checks on {cells.spot(record)} are within"
            " their bounds",
        )
    first = payload.first_failure or f"{broken[0].kind} {broken[0].name}"
    culprit = f", culprit {payload.culprit}" if payload.culprit else ""
    text = (
        f"{len(broken)} of {len(payload.checks)} parity checks on {cells.spot(record)}"
        f" fail, first {first}{culprit}"
    )
    answer: Answer = "no" if record.precision in FULL_PRECISION else "yes with gaps"
    return Reason(
        answer, "measured", text, f"mend {payload.culprit or first} and run parity again"
    )


def open_parity(record: Record, *, decisive: bool) -> Reason:
    """The reason that a parity record without a ladder gives."""
    said = blame(record) if record.status != "ok" else "no check was made"
    answer: Answer = "undecided" if decisive else "yes with gaps"
    return Reason(
        answer,
        GRADES.get(record.status, "measured"),
        f"parity on {cells.spot(record)} has no numbers: {said}",
        f"a parity run on {cells.spot(record)}",
    )


def examined(evidence: Evidence) -> list[Reason]:
    """An op that the model needs and that fails the exam is a gap, even where the model
    itself agrees.
    """
    exams = cells.payloads(evidence.exams, Exam)
    needed = needs(evidence.records)
    wrong = sorted(
        {
            row.op
            for _, exam in exams
            for row in exam.rows
            if row.result == "failed" and (not needed or row.op in needed)
        }
    )
    if wrong:
        return [
            Reason(
                "yes with gaps",
                "measured",
                f"ops it needs fail in the op exam: {', '.join(wrong)}",
                f"mend {', '.join(wrong)}",
            )
        ]
    if not any(exam.rows for _, exam in exams):
        return [
            Reason(
                "yes with gaps", "not run", "the op exam has no numbers", "run the op exam"
            )
        ]
    return [Reason("yes", "measured", "the ops it needs pass the op exam")]


def needs(records: Iterable[Record]) -> set[str]:
    """Names of all ops that the models of these records need, as far as that was measured."""
    return {
        need.op
        for _, payload in cells.payloads(records, Feasibility)
        for ops in payload.graph_ops.values()
        for need in ops
    }


def trained(evidence: Evidence) -> list[Reason]:
    """A training that was tried and did not end well is a gap."""
    return unmeasured(evidence, "train", "training")


def better_than_trivial(evidence: Evidence) -> list[Reason]:
    """A trained model must beat every trivial baseline under the same protocol."""
    found = cells.payloads(evidence.records, Evaluation)
    return [against_baseline(record, payload) for record, payload in found] + unmeasured(
        evidence, "evaluate", "accuracy after training"
    )


def against_baseline(record: Record, payload: Evaluation) -> Reason:
    """The reason that one evaluation gives."""
    score, best = cells.frame_wise(payload.metrics, "MPJPE"), cells.best_baseline(payload)
    if score is None or best is None:
        text = f"MPJPE on {cells.spot(record)} or its baselines were not measured"
        return Reason("yes with gaps", "not run", text, "an evaluation with baselines")
    text = (
        f"trained MPJPE {number(score)} mm against {number(best[1])} mm of the best trivial"
        f" baseline ({best[0]})"
    )
    if score < THRESHOLDS["MPJPE ÷ best trivial baseline"].limit * best[1]:
        return Reason("yes", "measured", text)
    return Reason(
        "yes with gaps",
        "measured",
        f"{text}: not better",
        "a longer training or a better recipe",
    )


def timed(evidence: Evidence) -> list[Reason]:
    """A timing that a lie detector voided, that never got steady, or from a noisy host is a
    gap.
    """
    found = cells.payloads(evidence.records, Throughput)
    reasons = [
        reason for record, payload in found for reason in from_timings(record, payload)
    ]
    return reasons + unmeasured(evidence, "throughput", "speed")


def from_timings(record: Record, payload: Throughput) -> list[Reason]:
    """Reasons from the timings of one record."""
    bad = [
        f"{timing.what} at batch {timing.batch} ({why})"
        for timing in payload.timings
        if (why := fault(timing))
    ]
    noise, limit = payload.noise_floor, THRESHOLDS["noise floor of the host"].limit
    reasons = []
    if bad or not payload.timings:
        text = (
            f"timings on {cells.spot(record)} that do not count:"
            f" {'; '.join(bad) or 'none was taken'}"
        )
        reasons.append(
            Reason("yes with gaps", "measured", text, "timings that pass the lie detectors")
        )
    if noise is not None and noise > limit:
        text = (
            f"the host is noisy: the same program differs from itself by {percent(noise)}"
        )
        reasons.append(Reason("yes with gaps", "measured", text, "a quieter machine"))
    return reasons or [
        Reason(
            "yes",
            "measured",
            f"all {len(payload.timings)} timings on {cells.spot(record)} passed the lie"
            " detectors",
        )
    ]


def fault(timing: Timing) -> str:
    """Why a timing does not count; empty when it does."""
    if timing.lies:
        return ", ".join(timing.lies)
    if timing.seconds is None:
        return "not measured"
    return "" if timing.steady else "never got steady"


def unmeasured(evidence: Evidence, task: str, what: str) -> list[Reason]:
    """Gaps for the records of a task that did not end ok, or for the task if it was never
    tried.
    """
    records = evidence.of(task)
    if not records:
        return [
            Reason("yes with gaps", "not run", f"{what} was not measured", f"run {task}")
        ]
    return [
        Reason(
            "yes with gaps",
            GRADES.get(record.status, "measured"),
            f"{what} on {cells.spot(record)}: {blame(record)}",
            f"{what} on {cells.spot(record)}",
        )
        for record in records
        if record.status != "ok"
    ]


def unneeded_gaps(run: Run, backend: str) -> list[Reason]:
    """What the op exam found that concerns no model of the run: a gap of the backend, not
    of a model.
    """
    here = [record for record in run.records if record.backend == backend]
    exams = [exam for _, exam in cells.payloads(here, Exam)]
    gaps = {op for exam in exams for op in exam.gaps} | {
        row.op for exam in exams for row in exam.rows if row.result in ("gap", "failed")
    }
    spare = sorted(gaps - needs(here))
    if not spare:
        return []
    return [
        Reason(
            "yes with gaps",
            "measured",
            f"ops that no model of this run needs fail or are missing: {', '.join(spare)}",
            "kernels for those ops",
        )
    ]


def outside_cases(run: Run, backend: str) -> list[Reason]:
    """What the third-party exam found, where it was put: a failed case is a gap of the
    backend.
    """
    exams = [
        exam
        for record, exam in cells.payloads(run.records, ThirdParty)
        if record.backend == backend
    ]
    return [from_outside(exam) for exam in exams if exam.counts()["run"]]


def from_outside(exam: ThirdParty) -> Reason:
    """The reason that one third-party exam gives."""
    ops = sorted({row.op for row in exam.rows if row.result == "failed"})
    counts = exam.counts()
    if ops:
        text = (
            f"{counts['failed']} of {counts['run']} third-party cases of {exam.source}"
            f" fail: {', '.join(ops)}"
        )
        return Reason("yes with gaps", "measured", text, f"mend {', '.join(ops)}")
    return Reason(
        "yes",
        "measured",
        f"no third-party case of {exam.source} fails: {counts['passed']} pass,"
        f" {counts['gap']} are known gaps",
    )


def from_model(verdict: Verdict) -> Reason:
    """A model's verdict as a reason about its backend, on the evidence that decided it."""
    decisive = verdict.reasons[0]
    text = f"{verdict.model}: {verdict.answer}" + (
        "" if verdict.answer == "yes" else f" ({decisive.text})"
    )
    return Reason(
        verdict.answer,
        decisive.grade,
        text,
        "" if verdict.answer == "yes" else f"a better verdict for {verdict.model}",
    )


def blame(record: Record) -> str:
    """Status and reason in one phrase."""
    return f"{record.status.replace('_', ' ')}: {record.reason or 'no reason given'}"

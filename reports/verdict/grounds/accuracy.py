"""Ground: has the trained model learnt anything."""

from __future__ import annotations

from bench.records import Evaluation, Record, Run, Training
from reports import cells
from reports.numbers import number
from reports.verdict import alike
from reports.verdict.evidence import Evidence, unmeasured
from reports.verdict.reason import Reason, Threshold, fact, gap, works

QUESTION = "trains"
AFTER = ("reference",)
TASKS = ("evaluate",)
LIMITS = (
    Threshold(
        "MPJPE ÷ best trivial baseline",
        1.0,
        "a model that a straight line or the mean pose equals has not learnt the task",
    ),
)


def reasons(evidence: Evidence) -> list[Reason]:
    """A trained model should beat every trivial baseline under the same protocol.

    What it learns is a matter of recipe and length. It stands for the training where there is
    no other to hold that against; beside another it is a fact, for both have learnt as much.
    """
    found = cells.payloads(evidence.records, Evaluation)
    out = []
    for record, payload in found:
        # A score that its own checks have refused is no score, and its cell is told as failed.
        if record.status == "ok":
            told = of_evaluation(evidence.run, record, payload)
            out.append(beside(told) if held(evidence, record.precision) else told)
    for one in unmeasured(evidence, "evaluate", "accuracy after training"):
        stated = one.grade != "not run" or not held(evidence)
        out.append(one if stated else beside(one))
    return out


def held(evidence: Evidence, precision: str = "") -> bool:
    """Whether a training, in that precision if one is named, was held against another one."""
    return any(
        alike.compared(evidence.run, record, payload) is not None
        for record, payload in cells.payloads(evidence.records, Training)
        if record.status == "ok" and precision in ("", record.precision)
    )


def beside(reason: Reason) -> Reason:
    """What is said, and decides nothing."""
    return fact(reason.text, grade=reason.grade)


def of_evaluation(run: Run, record: Record, payload: Evaluation) -> Reason:
    """The reason that one evaluation gives."""
    what, unit = cells.measured(payload)
    score = cells.frame_wise(payload.metrics, what)
    # a masked model has its own, of what it hides
    known = payload.guesses or cells.baselines_of(run, payload.protocol_hash)
    best = cells.best_baseline(known, what)
    if score is None or best is None:
        text = f"{what} on {cells.spot(record)} or its baselines were not measured"
        return gap(text, "an evaluation with baselines", grade="not run")
    name, bound = best
    numbers = (
        f"{what} {number(score)} {unit} on {cells.spot(record)} against {number(bound)}"
        f" {unit} of the best trivial baseline"
    )
    # Strictly better: to equal a straight line is to have learnt no more than one.
    if score < LIMITS[0].limit * bound:
        return works(f"learnt more than the {name}: yes ({numbers})")
    text = f"learnt more than the {name}: no, at this size ({numbers})"
    return gap(text, "a longer training or a better recipe")

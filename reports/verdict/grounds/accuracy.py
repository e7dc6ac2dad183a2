"""Ground: has the trained model learnt anything."""

from __future__ import annotations

from bench.records import Evaluation, Record, Run
from reports import cells
from reports.numbers import number
from reports.verdict.evidence import Evidence, unmeasured
from reports.verdict.reason import Reason, Threshold, gap, works

QUESTION = "trains"
AFTER = ("reference",)
LIMITS = (
    Threshold(
        "MPJPE ÷ best trivial baseline",
        1.0,
        "a model that a straight line or the mean pose equals has not learnt the task",
    ),
)


def reasons(evidence: Evidence) -> list[Reason]:
    """A trained model must beat every trivial baseline under the same protocol."""
    found = cells.payloads(evidence.records, Evaluation)
    # A score that its own checks have refused is no score, and its cell is told of as failed.
    judged = [
        of_evaluation(evidence.run, record, payload)
        for record, payload in found
        if record.status == "ok"
    ]
    return judged + unmeasured(evidence, "evaluate", "accuracy after training")


def of_evaluation(run: Run, record: Record, payload: Evaluation) -> Reason:
    """The reason that one evaluation gives."""
    score = cells.frame_wise(payload.metrics, "MPJPE")
    best = cells.best_baseline(cells.baselines_of(run, payload.protocol_hash))
    if score is None or best is None:
        text = f"MPJPE on {cells.spot(record)} or its baselines were not measured"
        return gap(text, "an evaluation with baselines", grade="not run")
    name, bound = best
    text = (
        f"trained MPJPE {number(score)} mm against {number(bound)} mm of the best trivial"
        f" baseline ({name})"
    )
    # Strictly better: to equal a straight line is to have learnt no more than one.
    if score < LIMITS[0].limit * bound:
        return works(text)
    return gap(f"{text}: not better", "a longer training or a better recipe")

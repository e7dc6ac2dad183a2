"""How the grounds become one answer: the worst reason decides."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

from bench.records import Run
from reports import cells, listing
from reports.verdict import grounds as folder
from reports.verdict.evidence import gather
from reports.verdict.reason import (
    SEVERITY,
    Answer,
    Reason,
    Threshold,
    Verdict,
    by_severity,
    worst,
)


def grounds() -> list[ModuleType]:
    """Every ground, in the order in which reasons of equal weight are read."""
    return listing.modules(folder)


def asked(question: str, *about: Any) -> list[Reason]:
    """What all grounds say that answer this question: `reasons` or `of_backend`."""
    out: list[Reason] = []
    for ground in grounds():
        # A ground may speak of a model, of a backend, or of both.
        if hasattr(ground, question):
            out += getattr(ground, question)(*about)
    return out


def thresholds() -> list[Threshold]:
    """The number that decides, of each ground that has one."""
    return [ground.LIMIT for ground in grounds() if hasattr(ground, "LIMIT")]


def verdicts(run: Run) -> list[Verdict]:
    """For each backend its own verdict, then those of its models."""
    out = []
    for backend in cells.backends(run):
        models = [of_model(run, backend, model) for model in cells.models(run, backend)]
        out += [of_backend(run, backend, models), *models]
    return out


def of_model(run: Run, backend: str, model: str) -> Verdict:
    """Every ground asked about one model on one backend."""
    evidence = gather(run, backend, model)
    reasons = asked("reasons", evidence)
    return Verdict(backend, model, worst(reasons), by_severity(reasons))


def of_backend(run: Run, backend: str, models: Sequence[Verdict]) -> Verdict:
    """What the models' verdicts and the exams say about a backend as a whole."""
    reasons = [from_model(verdict) for verdict in models]
    reasons += asked("of_backend", run, backend)
    if not models:
        text = "no model was tried on this backend"
        reasons.append(Reason("undecided", "not run", text, "run at least one model"))
    return Verdict(backend, "", joined(models, reasons), by_severity(reasons))


def joined(models: Sequence[Verdict], reasons: Sequence[Reason]) -> Answer:
    """The answer of a backend from the verdicts of its models and all its reasons."""
    answers = {verdict.answer for verdict in models}
    # One model that works shows that porting is possible: then the other reasons can take
    # the answer down to "yes with gaps" and no further.
    if answers & {"yes", "yes with gaps"}:
        return min(worst(reasons), "yes with gaps", key=SEVERITY.index)
    # Only where every model failed is the backend to blame, and not a model.
    return "no" if answers == {"no"} else "undecided"


def from_model(verdict: Verdict) -> Reason:
    """A model's verdict as a reason about its backend, on the evidence that decided it."""
    decisive = verdict.reasons[0]  # they come by severity
    said = f"{verdict.model}: {verdict.answer}"
    if verdict.answer == "yes":
        return Reason("yes", decisive.grade, said)
    change = f"a better verdict for {verdict.model}"
    return Reason(verdict.answer, decisive.grade, f"{said} ({decisive.text})", change)

"""How the grounds become four answers and one: of the first three, the worst decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import cast

from bench.records import Run
from models.errors import UnknownName
from reports import cells, listing
from reports.verdict import grounds as folder
from reports.verdict.evidence import Evidence, gather
from reports.verdict.reason import (
    DECIDING,
    QUESTIONS,
    SEVERITY,
    Answer,
    Question,
    Reason,
    Threshold,
    Verdict,
    by_severity,
    fact,
    severity,
    together,
    worst,
)
from reports.verdict.scale import size_of

ON_PAPER = "known on paper: nothing was run"
UNDER_TEST = "bring it under test (docs/adding/backend.md)"


def grounds() -> list[ModuleType]:
    """Every ground, in the order in which reasons of equal weight are read."""
    return listing.modules(folder)


def question_of(ground: ModuleType) -> Question:
    """Which question a ground's reasons answer.

    Raises UnknownName where it states none that is asked: its evidence would go unread.
    """
    stated = getattr(ground, "QUESTION", "")
    if stated not in QUESTIONS:
        name = ground.__name__.rsplit(".", 1)[-1]
        raise UnknownName(f"QUESTION of ground {name}", stated, QUESTIONS)
    return cast(Question, stated)


def thresholds() -> list[Threshold]:
    """The numbers that decide, of each ground that has some."""
    return [limit for ground in grounds() for limit in getattr(ground, "LIMITS", ())]


def debugs(run: Run) -> bool:
    """Whether it was made to find mistakes: five steps are no evidence of anything."""
    return bool(run.info.config.get("debug"))


def verdicts(run: Run) -> list[Verdict]:
    """For each backend its own verdict, then those of its models; none of a debug run."""
    if debugs(run):
        return []
    out = []
    for backend in cells.backends(run):
        models = [of_model(run, backend, model) for model in cells.models(run, backend)]
        out += [of_backend(run, backend, models), *models]
    return out


def of_model(run: Run, backend: str, model: str) -> Verdict:
    """Every ground asked about one model on one backend."""
    evidence = gather(run, backend, model)
    found = about_model(evidence)
    answers: dict[Question, Answer] = {}
    for question in QUESTIONS:
        answers[question] = worst([one for one in found if one.question == question])
    decided = overall(answers)
    # Whatever it costs is read last, be it ever so uncertain.
    deciding = by_severity(one for one in found if one.question in DECIDING)
    costs = by_severity(one for one in found if one.question not in DECIDING)
    reasons = (*deciding, *costs)
    return Verdict(backend, model, decided, reasons, answers, size_of(evidence))


def overall(answers: Mapping[Question, Answer]) -> Answer:
    """The worst of what was measured of the questions that decide."""
    found = together([answers[one] for one in DECIDING])
    # Ops that are there and a training that ended do not show that it is the same model.
    well = found in ("yes", "yes in part", "yes with gaps")
    if well and answers["computes"] == "not measured":
        return "undecided"
    return found


def about_model(evidence: Evidence) -> list[Reason]:
    """What all grounds say about a model, each reason under its own or its ground's question."""
    out: list[Reason] = []
    for ground in grounds():
        # A ground may speak of a model, of a backend, or of both.
        if hasattr(ground, "reasons"):
            question = question_of(ground)
            found: list[Reason] = ground.reasons(evidence)
            out += [
                replace(one, question=one.question or question)
                for one in rested(ground, found)
            ]
    return on_paper(out) if evidence.on_paper else out


def on_paper(found: Sequence[Reason]) -> list[Reason]:
    """What was not run of a framework that is declared: once a question, and not by each task."""
    kept = [one for one in found if one.grade != "not run"]
    silent = by_severity(one for one in found if one.grade == "not run")
    for question in QUESTIONS:
        first = next((one for one in silent if one.question == question), None)
        if first and not any(one.question == question for one in kept):
            kept.append(replace(first, text=ON_PAPER, change=UNDER_TEST, tasks=()))
    return kept


def rested(ground: ModuleType, found: Sequence[Reason]) -> list[Reason]:
    """Reasons with the tasks that their ground looks at."""
    return [replace(one, tasks=getattr(ground, "TASKS", ())) for one in found]


def of_backend(run: Run, backend: str, models: Sequence[Verdict]) -> Verdict:
    """What the models' verdicts and the exams say about a backend as a whole."""
    reasons = [from_model(verdict) for verdict in models]
    for ground in grounds():
        if hasattr(ground, "of_backend"):
            reasons += rested(ground, ground.of_backend(run, backend))
    if not models:
        reasons = without_models(reasons)
    return Verdict(backend, "", joined(models, reasons), by_severity(reasons))


def without_models(reasons: Sequence[Reason]) -> list[Reason]:
    """The reasons about a backend on which no model was tried: what fails comes first."""
    # No model shows how much a failure weighs: the port is open, and the failure is why.
    gaps = SEVERITY.index("yes with gaps")
    told = [
        replace(one, answer="undecided") if severity(one) == gaps else one
        for one in reasons
    ]
    text = "no model was tried on this backend"
    if any(severity(one) >= gaps for one in told):
        return [*told, fact(text, grade="not run")]
    return [*told, Reason("undecided", "not run", text, "run at least one model")]


def joined(models: Sequence[Verdict], reasons: Sequence[Reason]) -> Answer:
    """The answer of a backend from the verdicts of its models and all its reasons."""
    answers = {verdict.answer for verdict in models}
    # One model that works shows that porting is possible: then the other reasons can take
    # the answer down to "yes with gaps" and no further.
    if answers & {"yes", "yes in part", "yes with gaps"}:
        return min(worst(reasons), "yes with gaps", key=SEVERITY.index)
    # Only where every model failed is the backend to blame, and not a model.
    if answers in ({"no"}, {"not measured"}):
        return next(iter(answers))
    return "undecided"


def from_model(verdict: Verdict) -> Reason:
    """A model's verdict as a reason about its backend, on the evidence that decided it."""
    decisive = verdict.reasons[0]  # they come by severity
    # be it that nobody says whether it has an op
    stated = decisive.answer == "undecided" and decisive.grade != "not run"
    open_ = verdict.answer == "undecided" and "computes" in verdict.unmeasured
    if open_ and not stated:
        # Not by a gap elsewhere, be it worse: this is what would have to be known.
        decisive = verdict.because("computes")[0]
    said = f"{verdict.model}: {verdict.answer}"
    if verdict.answer == "yes":
        return Reason("yes", decisive.grade, said)
    change = f"a better verdict for {verdict.model}"
    return Reason(verdict.answer, decisive.grade, f"{said} ({decisive.text})", change)

"""The verdict, first: one row for each model and backend, then the reasons."""

from __future__ import annotations

from pathlib import Path

from bench.records import Evaluation, Feasibility, Record, Run
from reports import cells, glance, links, verdict
from reports.blocks import (
    Block,
    Bullets,
    Code,
    Heading,
    Row,
    Strong,
    bullets,
    table,
    text,
)
from reports.numbers import count, millions, number
from reports.verdict import Reason, Verdict
from reports.verdict.reason import DECIDING

AFTER = ()
TITLE = "Verdict"
GRADES = (
    "In brackets stands how a finding is known: measured here, declared by the backend, or not"
    " run. A fact decides nothing."
)
DEBUG = (
    " A debug run looks for mistakes, with a few steps on a part of the data, which are no"
    " evidence of training or accuracy. What its checks found is below."
)


def render(run: Run, figures: Path) -> list[Block]:
    """The verdicts, what they rest on, and what would change them."""
    if not run.records:
        said = " This run is empty: it holds no record, so nothing below was measured."
        return [text(Strong("Undecided."), said)]
    if {record.task for record in run.records} == {"audit"}:
        said = (
            " An audit puts the harness to the test, and no model: its table is below."
        )
        return [ended(run), text(said.strip())]
    if verdict.debugs(run):
        return [ended(run), text(Strong("No verdict."), DEBUG)]
    judged = verdict.verdicts(run)
    page = [ended(run), text(GRADES)]
    for backend in cells.backends(run):
        page += about(run, [item for item in judged if item.backend == backend])
    # Last: whoever doubts an answer looks for the rule after having read it.
    return [*page, rules()]


def ended(run: Run) -> Block:
    """How many cells there were, and whether these are all that were asked for."""
    ok = sum(record.status == "ok" for record in run.records)
    said = f"{count(len(run.records))} cells, {count(ok)} of them ok."
    if not run.info.finished:
        said += " The run did not finish: what follows is what it had until then."
    if run.broken:
        lines = ", ".join(map(str, run.broken))
        said += (
            f" Lines of records.jsonl that cannot be read, and are left out: {lines}."
        )
    return text(said)


def about(run: Run, judged: list[Verdict]) -> list[Block]:
    """One backend: its answer, its models at a glance, the reasons of each."""
    # `verdicts` gives a backend first, then its models; the page speaks of it last.
    whole, *models = judged
    page: list[Block] = [Heading(f"{whole.backend}: {whole.answer}")]
    if models:
        page += [answers_table(models), *models_table(run, models)]
    for item in models:
        page += of_model(run, item)
    return [*page, *of_backend(run, whole)]


def answers_table(models: list[Verdict]) -> Block:
    """One row for each model: the verdict, and the answers that it is made of."""
    rows = []
    for item in models:
        row: Row = {"Model": Code(item.model), "Verdict": Strong(item.answer)}
        for question, asked in verdict.QUESTIONS.items():
            row[asked] = item.said(question)
        rows.append(row)
    return table(rows)


def of_model(run: Run, item: Verdict) -> list[Block]:
    """The answer about one model, at which size it was found, and why, question by question."""
    size = f" ({item.size})" if item.size else ""
    head = (Code(item.model), f" on {item.backend}: ", Strong(item.answer), size)
    page: list[Block] = [text(*head), *rests(item)]
    for question, asked in verdict.QUESTIONS.items():
        page.append(text(f"{asked} ", Strong(item.said(question))))
        found = item.because(question)
        page.append(reasons(run, item, found))
        if question not in DECIDING:
            page += better(found)
    return page + changes(item)


def rests(item: Verdict) -> list[Block]:
    """What the answer rests on, where not every question that decides was put."""
    if not item.unmeasured:
        return []
    asked = [one for one in DECIDING if one not in item.unmeasured]
    on = " ".join(verdict.QUESTIONS[one] for one in asked) or "nothing"
    missing = " ".join(verdict.QUESTIONS[one] for one in item.unmeasured)
    return [text(f"It rests on: {on} Not measured: {missing}")]


def of_backend(run: Run, item: Verdict) -> list[Block]:
    """The answer about a backend, and why."""
    head = (Code(item.backend), ", the backend as a whole: ", Strong(item.answer))
    return [text(*head), reasons(run, item, item.reasons), *changes(item)]


def changes(item: Verdict) -> list[Block]:
    """What would change an answer, where anything would."""
    if not item.changes:
        return []
    return [text("What would change it: ", "; ".join(item.changes), ".")]


def better(found: tuple[Reason, ...]) -> list[Block]:
    """What would change an answer that decides nothing, which `changes` does not tell."""
    wanted = dict.fromkeys(one.change for one in found if one.change)
    if not wanted:
        return []
    return [text("What would change it: ", "; ".join(wanted), ".")]


def reasons(run: Run, about: Verdict, found: tuple[Reason, ...]) -> Bullets:
    """Each reason with the answer it pulls to, its grade, where that says more, and its cells."""
    return bullets(
        (
            Strong(one.pull),
            f"{graded(one)}: {one.text}",
            *links.of_tasks(run, about.backend, about.model, one.tasks),
        )
        for one in found
    )


def graded(one: Reason) -> str:
    """How a finding is known, in brackets."""
    return "" if one.grade == one.pull else f" ({one.grade})"


def models_table(run: Run, models: list[Verdict]) -> list[Block]:
    """Numbers of each model. MPJPE appears only where all of it is of one protocol."""
    evaluations = cells.payloads(run.records, Evaluation)
    protocols = {payload.protocol_hash for _, payload in evaluations}
    rows = []
    for item in models:
        here = cells.of_model(run, item.backend, item.model)
        row: Row = {"Model": Code(item.model)}
        row |= sizes(here) | parity(here)
        if len(protocols) == 1:
            row |= accuracy(run, here)
        rows.append(row | speed(here))
    if len(protocols) <= 1:
        return [table(rows)]
    # Side by side they would be compared, whatever the words beneath said.
    apart = (
        "Accuracy is not in this table: the models were judged under different protocols,"
        " see below."
    )
    return [table(rows), text(apart)]


def sizes(records: list[Record]) -> Row:
    """Parameters of the model."""
    found = cells.payloads(records, Feasibility)
    # A model has as many on every backend and device: the first record will do.
    size = next((payload.parameters for _, payload in found), None)
    return {"Params (M)": millions(size)}


def parity(records: list[Record]) -> Row:
    """The worst check, as a part of its bound and in millimetres."""
    return {
        "Parity: worst error ÷ bound": number(glance.budget(records)),
        "Parity (mm)": number(glance.drift(records)),
    }


def accuracy(run: Run, records: list[Record]) -> Row:
    """Trained MPJPE beside the best trivial baseline."""
    found = glance.evaluation(records)
    trivial = cells.baselines_of(run, found.protocol_hash) if found else ()
    best = cells.best_baseline(trivial)
    return {
        "MPJPE (mm)": number(glance.accuracy(records)),
        "Best baseline (mm)": number(best[1] if best else None),
    }


def speed(records: list[Record]) -> Row:
    """The fastest forward timing that counts."""
    return {"Forward (frames/s, best)": number(glance.fastest(records, "forward"))}


def rules() -> Block:
    """The thresholds behind the answers."""
    rows = [
        {"Measured": item.name, "Limit": number(item.limit), "Why": item.why}
        for item in verdict.thresholds()
    ]
    caption = (
        "How the verdict is made: each question is answered by its worst reason, the first"
        " three decide, a fact never does. Not measured: nothing was run for it; yes in part:"
        " what was run is well, and not all was; undecided: what decides gave no answer."
        " These are the thresholds"
    )
    return table(rows, caption=caption, folded=True)

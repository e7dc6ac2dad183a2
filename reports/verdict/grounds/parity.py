"""Ground: does the backend compute what the float64 oracle computes, call by call."""

from __future__ import annotations

from dataclasses import replace

from bench.records import Parity, Record, Run
from reports import cells
from reports.verdict import ladder
from reports.verdict.evidence import Evidence, blame, gather, grade
from reports.verdict.reason import Reason, fact, gap

QUESTION = "computes"
AFTER = ("coverage",)
TASKS = ("parity",)
LIMITS = (ladder.LIMIT,)
# The rungs that need the model's own optimizer, and how a left-out optimizer is called.
STEPPING = ("step", "update", "trajectory")
NAMED = "optimizer "


def reasons(evidence: Evidence) -> list[Reason]:
    """A failed check in full precision is a no; without a ladder there it stays open."""
    found = ladder.ladders(evidence, training=False)
    judged = [ladder.judge(one, "parity check") for one in found]
    # One ladder in full precision settles the question, on whatever device it was climbed;
    # then another one without numbers is no more than a gap.
    still_open = not any(one.full for one in found)
    proven = [record for record, _ in ladder.climbed(evidence)]
    silent = [record for record in evidence.of("parity") if record not in proven]
    without = [silence(record, decisive=still_open) for record in silent]
    return judged + without + unasked(evidence) + never_asked(evidence, still_open)


def never_asked(evidence: Evidence, still_open: bool) -> list[Reason]:
    """The question stays open where nobody put it in full precision."""
    silent = len(evidence.of("parity")) - len(ladder.climbed(evidence))
    if not still_open or silent:
        return []
    text = "parity in full precision was not measured"
    return [Reason("undecided", "not run", text, "run parity in fp32")]


def unasked(evidence: Evidence) -> list[Reason]:
    """What a ladder was not asked: a gap where the backend cannot be asked it."""
    out = []
    for record, payload in ladder.climbed(evidence):
        where = cells.spot(record)
        if record.status == "unsupported" and not refused(evidence, record, payload):
            text = f"parity on {where} in part: {blame(record)}"
            found = gap(text, f"a whole ladder on {where}", grade="declared")
            # without its optimizer a model computes what it should, and does not train
            stepping = record.reason.partition(":")[0] in STEPPING
            out.append(replace(found, question="trains" if stepping else None))
        elif why := payload.left_out.get(f"{NAMED}{evidence.optimizer}"):
            text = f"its optimizer {evidence.optimizer} is not there: {why}"
            found = gap(text, f"{evidence.optimizer} in the backend", grade="declared")
            out.append(replace(found, question="trains"))
        missing = absent(payload, evidence.optimizer)
        said = [
            f"{what}: {why}"
            for what, why in payload.left_out.items()
            if what not in missing
        ]
        if said:
            text = f"the ladder on {where} left out {'; '.join(said)}"
            out.append(fact(text, grade="not run"))
    return out


def absent(payload: Parity, rule: str) -> dict[str, str]:
    """Left-out optimizers, other than the model's, by what the ladder calls them, and why.

    None where it is not known with which it is trained.
    """
    if not rule:
        return {}
    return {
        what: why
        for what, why in payload.left_out.items()
        if what.startswith(NAMED) and what != NAMED + rule
    }


def refused(evidence: Evidence, record: Record, payload: Parity) -> bool:
    """Whether what a backend cannot be asked is another optimizer than the model's."""
    other = record.reason.startswith(f"{ladder.OPTIMIZING}:")
    return other and ladder.put(payload, evidence.optimizer)


def silence(record: Record, *, decisive: bool) -> Reason:
    """The reason that a parity record without a ladder gives."""
    where = cells.spot(record)
    # "ok" without a number: the worker ended well and asked nothing.
    said = blame(record) if record.status != "ok" else "no check was made"
    return Reason(
        "undecided" if decisive else "yes with gaps",
        grade(record),
        f"parity on {where} has no numbers: {said}",
        f"a parity run on {where}",
    )


def of_backend(run: Run, backend: str) -> list[Reason]:
    """Optimizers that no model of the run is trained with: what fails, and what is not there."""
    wrong: dict[str, None] = {}
    missing: dict[str, str] = {}
    used = set()
    for model in cells.models(run, backend):
        evidence = gather(run, backend, model)
        used.add(evidence.optimizer)
        for _, payload in ladder.climbed(evidence):
            wrong |= dict.fromkeys(failing(payload, evidence.optimizer))
            missing |= absent(payload, evidence.optimizer)
    # What a model needs is a reason about that model, and reaches the backend through it.
    out = []
    if names := ", ".join(name for name in wrong if name not in used):
        # no gap of any model, and one of the backend, which claims to have them
        text = f"optimizers that no model of this run is trained with fail: {names}"
        out.append(gap(text, f"mend {names}"))
    lacks = [
        f"{what.removeprefix(NAMED)} ({why})"
        for what, why in missing.items()
        if what.removeprefix(NAMED) not in used
    ]
    if lacks:
        text = f"does not have, needed by no model asked: optimizer {', '.join(lacks)}"
        out.append(fact(text, grade="declared"))
    return out


def failing(payload: Parity, rule: str) -> list[str]:
    """The optimizers, other than that of the model, of which a check fails."""
    found = []
    for check in ladder.spare(payload, rule):
        if ladder.is_broken(check):
            # Of a rung that broke off it is not told at which of them it was.
            unnamed = ladder.broke_off(check)
            name = f"one of them ({check.note})" if unnamed else ladder.rule_of(check)
            found.append(name)
    return found

"""Ground: can the backend express the model at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.records import Feasibility, Obstacle, Record, Training
from bench.records.feasibility import Way
from reports import cells
from reports.verdict.evidence import Evidence, missing, unmeasured
from reports.verdict.reason import Answer, Reason, fact, gap, works

QUESTION = "expressed"
AFTER = ()  # what is known before anything runs comes first
TASKS = ("feasibility",)
INFER = "infer"
# The graph that a backend must run to train where it does not differentiate by itself.
BACKWARD = "gradient"


def reasons(evidence: Evidence) -> list[Reason]:
    """What a port would be, as the port table has it; other features are told, as facts."""
    out = []
    for _, payload in cells.payloads(evidence.records, Feasibility):
        out += [of_port(payload), *of_precision(payload)]
        out += of_features(evidence, payload)
    untold = [
        missing(record, "op coverage")
        for record in evidence.of("feasibility")
        # of one that has its numbers, these say what it lacks
        if record.status not in ("ok", "unsupported") or record.payload is None
    ]
    if evidence.of("feasibility"):
        return out + untold
    return out + unmeasured(evidence, "feasibility", "op coverage")


def of_port(payload: Feasibility) -> Reason:
    """Whether ops, ranks, types and graphs are there: to run the model, and to train it."""
    lacks = obstacles(payload)
    running = [one for one in lacks if stops(payload, one)]
    way = payload.answers.way if payload.answers else told_by(running, lacks)
    if way == "blocked":
        return lacking("no", payload, "needs", running)
    if way == "inference only":
        what = "can be run, and needs to be trained"
        rest = [one for one in lacks if one not in running]
        return lacking("yes with gaps", payload, what, rest)
    if way == "unknown":
        said = unsaid(payload, running or lacks)
        return Reason("undecided", payload.grade, said, "a manifest that says so")
    kinds = {need.op for need in cells.needs(payload)}
    said = f"all {len(kinds)} kinds of op it needs can be expressed"
    return works(said, grade=payload.grade)


def obstacles(payload: Feasibility) -> list[Obstacle]:
    """What stands in the way; in a record of before, the ops that are not there."""
    if payload.answers:
        return list(payload.obstacles)
    return [
        Obstacle(
            kind="op",
            what=need.op,
            graph=graph,
            nodes=need.count,
            unknown=need.via == "unknown",
            reason=need.reason,
        )
        for graph, needs in payload.graph_ops.items()
        for need in needs
        if need.via in ("gap", "unknown")
    ]


def stops(payload: Feasibility, one: Obstacle) -> bool:
    """Whether a model cannot be run for it; a record of before has all but the gradient count."""
    return one.graph == INFER if payload.answers else one.graph != BACKWARD


def told_by(running: Sequence[Obstacle], lacks: Sequence[Obstacle]) -> Way:
    """What a port would be by its ops alone, in a record of before."""
    if any(not one.unknown for one in running):
        return "blocked"
    if running:
        return "unknown"
    if any(not one.unknown for one in lacks):
        return "inference only"
    return "unknown" if lacks else "native"


def lacking(
    answer: Answer, payload: Feasibility, what: str, found: Iterable[Obstacle]
) -> Reason:
    """What is not there, those of one reason together, and what would have to be."""
    why: dict[str, dict[str, None]] = {}
    for one in found:
        if not one.unknown:
            why.setdefault(one.reason or "no reason given", {})[one.title] = None
    named = "; ".join(f"{', '.join(titles)} ({said})" for said, titles in why.items())
    due = ", ".join(dict.fromkeys(title for titles in why.values() for title in titles))
    return Reason(
        answer,
        payload.grade,
        f"{what} what the backend cannot do: {named}",
        f"a kernel or a body for {due}" if only_ops(found) else f"{due} in the backend",
    )


def only_ops(found: Iterable[Obstacle]) -> bool:
    """Whether no more than ops are missing, which a body may stand in for."""
    return all(one.kind in ("op", "optimizer") for one in found if not one.unknown)


def unsaid(payload: Feasibility, found: Sequence[Obstacle]) -> str:
    """What nobody has told."""
    ops = ", ".join(dict.fromkeys(one.title for one in found if one.unknown))
    if ops:
        return f"nobody says whether the framework has {ops}"
    assert payload.answers  # else there would be no way to be unknown but by ops
    said = (f"training: {payload.answers.training}", payload.answers.optimizer)
    return "; ".join(one for one in said if ": unknown" in one)


def of_precision(payload: Feasibility) -> list[Reason]:
    """The precision that was asked for, where the framework has no such type."""
    said = payload.answers.precision if payload.answers else ""
    # of float32 the graphs have spoken
    if ": blocked" not in said or said.startswith("fp32"):
        return []
    return [gap(f"precision {said}", "another precision", grade=payload.grade)]


def of_features(evidence: Evidence, payload: Feasibility) -> list[Reason]:
    """What the backend says of compile, export and the like; nobody has asked for them here."""
    trained = [
        record
        for record, _ in cells.payloads(evidence.records, Training)
        if record.status == "ok"
    ]
    lacking = []
    for name, said in payload.features.items():
        # a declaration tells versions and devices, too, which are neither
        if payload.grade == "declared" and said not in ("no", "unknown"):
            continue
        # "yes" may go on with a remark; whatever else stands there is why not.
        if not said.lower().startswith("yes"):
            lacking.append(f"{name}: {said}")
    if not lacking:
        return []
    seen = "; it was trained all the same" if trained else ""
    return [fact(f"beside its ops, {'; '.join(lacking)}{seen}", grade=payload.grade)]


def needed(records: Iterable[Record]) -> dict[str, set[str]]:
    """The ops that the models of these records need, each with the types it is needed in."""
    found: dict[str, set[str]] = {}
    for _, payload in cells.payloads(records, Feasibility):
        for need in cells.needs(payload):
            found.setdefault(need.op, set()).update(need.dtypes)
    return found

"""Ground: can the backend express the model at all."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import Feasibility, OpNeed, Record, Training
from reports import cells
from reports.verdict.evidence import Evidence, unmeasured
from reports.verdict.reason import Answer, Reason, fact, works

QUESTION = "expressed"
AFTER = ()  # what is known before anything runs comes first
TASKS = ("feasibility",)
# The graph that a backend must run to train where it does not differentiate by itself.
BACKWARD = "gradient"


def reasons(evidence: Evidence) -> list[Reason]:
    """A gap in an op that the model needs is a no; other features are told, as facts."""
    out = []
    for _, payload in cells.payloads(evidence.records, Feasibility):
        out += [of_ops(payload), *of_features(evidence, payload)]
    return out + unmeasured(evidence, "feasibility", "op coverage")


def of_ops(payload: Feasibility) -> Reason:
    """Whether every op has a kernel or a body."""
    needs = cells.needs(payload)
    missing = [need for need in needs if need.via == "gap"]
    unknown = sorted({need.op for need in needs if need.via == "unknown"})
    if unknown and not missing:
        said = f"nobody says whether the framework has {', '.join(unknown)}"
        return Reason("undecided", payload.grade, said, "a manifest that says so")
    if not missing:
        kinds = {need.op for need in needs}
        said = f"all {len(kinds)} kinds of op it needs can be expressed"
        return works(said, grade=payload.grade)
    gaps = {need.op: need.reason for need in missing}
    ops = sorted(gaps)
    named = "; ".join(f"{op} ({gaps[op] or 'no reason given'})" for op in ops)
    answer, what = weight(payload, missing)
    return Reason(
        answer,
        payload.grade,
        f"{what} what the backend cannot do: {named}",
        f"a kernel or a body for {', '.join(ops)}",
    )


def weight(payload: Feasibility, missing: Iterable[OpNeed]) -> tuple[Answer, str]:
    """How much gaps weigh: what its training alone lacks leaves a model that can be run."""
    graphs = {name: ops for name, ops in payload.graph_ops.items() if name != BACKWARD}
    forward = [need for ops in graphs.values() for need in ops]
    if any(need in forward for need in missing):
        return "no", "needs"
    return "yes with gaps", "can be run, and needs to be trained"


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

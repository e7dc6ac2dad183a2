"""Ground: can the backend express the model at all."""

from __future__ import annotations

from collections.abc import Iterable

from bench.records import Feasibility, Record
from reports import cells
from reports.verdict.evidence import Evidence, unmeasured
from reports.verdict.reason import Reason, gap, works

AFTER = ()  # what is known before anything runs comes first


def reasons(evidence: Evidence) -> list[Reason]:
    """A gap in an op that the model needs is a no; a feature that is lacking is a gap."""
    out = []
    for _, payload in cells.payloads(evidence.records, Feasibility):
        out += [of_ops(payload), *of_features(payload)]
    return out + unmeasured(evidence, "feasibility", "op coverage")


def of_ops(payload: Feasibility) -> Reason:
    """Whether every op has a kernel or a body."""
    needs = cells.needs(payload)
    gaps = {need.op: need.reason for need in needs if need.via == "gap"}
    if not gaps:
        kinds = {need.op for need in needs}
        said = f"all {len(kinds)} kinds of op it needs can be expressed"
        return works(said, grade=payload.grade)
    ops = sorted(gaps)
    named = "; ".join(f"{op} ({gaps[op] or 'no reason given'})" for op in ops)
    return Reason(
        "no",
        payload.grade,
        f"needs what the backend cannot do: {named}",
        f"a kernel or a body for {', '.join(ops)}",
    )


def of_features(payload: Feasibility) -> list[Reason]:
    """A gap for each thing beside the ops that cannot be done: compile, export, precisions."""
    return [
        gap(
            f"{name}: {said}", f"support for {name} in the backend", grade=payload.grade
        )
        for name, said in payload.features.items()
        # "yes" may go on with a remark; whatever else stands there is why not.
        if not said.lower().startswith("yes")
    ]


def needed(records: Iterable[Record]) -> set[str]:
    """Names of all ops that the models of these records need, as far as it was measured."""
    found = cells.payloads(records, Feasibility)
    return {need.op for _, payload in found for need in cells.needs(payload)}

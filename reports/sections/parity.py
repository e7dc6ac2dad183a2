"""The parity ladder: how far each rung is from the float64 oracle, against the error that
float32 is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.records import Check, Comparison, Parity, Record, Run
from reports import cells, plot, verdict
from reports.blocks import (
    Block,
    Code,
    Figure,
    Heading,
    Inline,
    Strong,
    bullets,
    table,
    text,
)
from reports.numbers import count, number

ORDER = 50
TITLE = "Parity ladder"

RUNGS = ("forward", "loss", "gradient", "step", "state", "trajectory", "equivalence")


def render(run: Run, figures: Path) -> list[Block]:
    """A figure for each backend and a table for each model."""
    found = [
        (record, payload)
        for record, payload in cells.payloads(run.records, Parity)
        if payload.checks
    ]
    if not found:
        return [
            text("Parity was not measured: the run holds no parity record with checks.")
        ]
    page: list[Block] = [
        text(
            "Each row is one rung and shows its worst check. The error is the largest"
            " difference from the oracle, relative to the largest expected value unless a"
            " unit is given; the bound is the error budget of that tensor. A ratio above 1"
            " fails. Millimetres say how far the error moves a joint."
        ),
    ]
    for backend in dict.fromkeys(record.backend for record, _ in found):
        page += about(
            backend,
            [(record, payload) for record, payload in found if record.backend == backend],
            figures,
        )
    return page + against(run)


def about(backend: str, found: list[tuple[Record, Parity]], figures: Path) -> list[Block]:
    """The ladders of one backend."""
    page: list[Block] = [Heading(f"Ladders of {backend}")]
    panels = {
        cells.label(record): drawn
        for record, payload in found
        if (drawn := list(draw(payload.checks)))
    }
    if panels:
        name = f"{cells.slug('parity', backend)}.png"
        plot.ladder(figures / name, panels)
        page.append(
            Figure(f"figures/{name}", f"Parity errors of {backend} and their bounds")
        )
    return page + [block for record, payload in found for block in ladder(record, payload)]


def against(run: Run) -> list[Block]:
    """Backends held against each other, where there were several."""
    compared = cells.payloads(run.records, Comparison)
    if not compared:
        return []
    said = text(
        "The same ladders held against each other, from files: frameworks never share a"
        " process. Two backends may be as far apart as the budgets of both together."
    )
    return [
        Heading("Backends against each other"),
        said,
        table([pair(record, payload) for record, payload in compared]),
    ]


def pair(record: Record, payload: Comparison) -> dict[str, Inline]:
    """One model on two backends."""
    bad, failed = worst(list(payload.checks)), sum(map(verdict.is_broken, payload.checks))
    return {
        "Model": Code(record.model),
        "Backend": Code(record.backend),
        "Against": Code(payload.against),
        "Values": count(len(payload.checks)),
        "Failed": Strong(count(failed)) if failed else "0",
        "Worst": Code(f"{bad.kind} {bad.name}"),
        "Apart": number(bad.error),
        "Allowed": number(bad.bound),
    }


def ladder(record: Record, payload: Parity) -> list[Block]:
    """One model: its rungs, the first failure and the node to blame."""
    rows = [row(rung, graph, checks) for (rung, graph), checks in rungs(payload.checks)]
    page: list[Block] = [
        table(rows, caption=f"{cells.label(record)} against {payload.oracle}")
    ]
    failed = [check for check in payload.checks if verdict.is_broken(check)]
    if not failed:
        return [*page, text(f"All {count(len(payload.checks))} checks pass.")]
    first = payload.first_failure or f"{failed[0].kind} {failed[0].name}"
    blamed = (Code(payload.culprit),) if payload.culprit else ("not located",)
    return [
        *page,
        bullets(
            [
                (Strong("First failure: "), " ", Code(first)),
                (Strong("Culprit: "), " ", *blamed),
                *map(describe, failed[:5]),
            ]
        ),
    ]


def rungs(checks: Iterable[Check]) -> list[tuple[tuple[str, str], list[Check]]]:
    """Checks by rung and graph, in the order of the ladder."""
    order = {rung: place for place, rung in enumerate(RUNGS)}
    groups: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        groups.setdefault((check.kind, check.graph), []).append(check)
    return sorted(groups.items(), key=lambda item: order.get(item[0][0], len(order)))


def ratio(check: Check) -> float | None:
    """Error as a part of its bound; None where there is no error or no bound to divide by."""
    return (
        check.error / check.bound if check.error is not None and check.bound > 0 else None
    )


def worst(checks: list[Check]) -> Check:
    """A failed check before any that passed; among them the one farthest above its bound, a
    missing number first.
    """
    return max(
        checks,
        key=lambda check: (
            verdict.is_broken(check),
            float("inf") if ratio(check) is None and not check.ok else ratio(check) or 0.0,
        ),
    )


def row(rung: str, graph: str, checks: list[Check]) -> dict[str, Inline]:
    """One rung."""
    bad, shifts = (
        worst(checks),
        [check.millimetres for check in checks if check.millimetres is not None],
    )
    unit = "" if bad.unit == "relative" else f" {bad.unit}"
    failed = sum(map(verdict.is_broken, checks))
    return {
        "Rung": rung,
        "Graph": graph,
        "Checks": count(len(checks)),
        "Failed": Strong(count(failed)) if failed else "0",
        "Worst": Code(bad.name),
        "Error": number(bad.error) + (unit if bad.error is not None else ""),
        "Bound": number(bad.bound) + unit,
        "Error ÷ bound": number(ratio(bad)) if bad.bound else "exact",
        "Largest shift (mm)": number(max(shifts)) if shifts else "no pose",
    }


def describe(check: Check) -> tuple[Inline, ...]:
    """One failed check with all that is known about its node."""
    known = [
        part
        for part in (
            check.op and f"op {check.op}",
            check.where and f"at {check.where}",
            check.note,
        )
        if part
    ]
    numbers = f": error {number(check.error)} against {number(check.bound)}"
    return (
        f"{check.kind} ",
        Code(check.name),
        numbers + (f" ({', '.join(known)})" if known else ""),
    )


def draw(checks: Iterable[Check]) -> Iterable[plot.Rung]:
    """Rungs for the figure: relative errors with a number and a bound, the only ones that
    share an axis.
    """
    for (rung, graph), group in rungs(checks):
        shown = [
            check
            for check in group
            if check.error is not None and check.bound > 0 and check.unit == "relative"
        ]
        if shown:
            bad = worst(shown)
            errors = tuple(check.error for check in shown if check.error is not None)
            yield plot.Rung(
                f"{rung} ({graph})",
                errors,
                bad.error or 0.0,
                bad.bound,
                not any(map(verdict.is_broken, group)),
            )

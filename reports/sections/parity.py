"""The parity ladder: how far each rung is from the float64 oracle, and how far it may be."""

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
    Row,
    Strong,
    bullets,
    table,
    text,
)
from reports.numbers import count, number

AFTER = ("third_party",)
TITLE = "Parity ladder"

DESCRIBED = 5  # failed checks of a model told in words; the table counts all

LEGEND = (
    "Each row is one rung and shows its worst check. The error is the largest difference"
    " from the oracle, relative to the largest expected value unless a unit is given; the"
    " bound is the error budget of that tensor. A ratio above 1 fails. Millimetres say how"
    " far the error moves a joint."
)
AGAINST = (
    "The same ladders held against each other, from files: frameworks never share a"
    " process. Two backends may be as far apart as the budgets of both together."
)


def render(run: Run, figures: Path) -> list[Block]:
    """A figure for each backend and a table for each model."""
    measured = cells.payloads(run.records, Parity)
    found = [(record, payload) for record, payload in measured if payload.checks]
    if not found:
        said = "Parity was not measured: the run holds no parity record with checks."
        return [text(said)]
    page: list[Block] = [text(LEGEND)]
    for backend in dict.fromkeys(record.backend for record, _ in found):
        here = [pair for pair in found if pair[0].backend == backend]
        page += about(backend, here, figures)
    return page + against(run)


def about(
    backend: str, found: list[tuple[Record, Parity]], figures: Path
) -> list[Block]:
    """The ladders of one backend."""
    page: list[Block] = [Heading(f"Ladders of {backend}")]
    drawn = {cells.label(record): draw(payload.checks) for record, payload in found}
    # A ladder of which no check can stand on the axis would be an empty panel.
    panels = {label: rungs for label, rungs in drawn.items() if rungs}
    if panels:
        name = f"{cells.slug('parity', backend)}.png"
        plot.ladder(figures / name, panels)
        caption = f"Parity errors of {backend} and their bounds"
        page.append(Figure(f"figures/{name}", caption))
    for record, payload in found:
        page += ladder(record, payload)
    return page


def against(run: Run) -> list[Block]:
    """Backends held against each other, where there were several."""
    compared = cells.payloads(run.records, Comparison)
    if not compared:
        return []
    rows = [comparison(record, payload) for record, payload in compared]
    return [Heading("Backends against each other"), text(AGAINST), table(rows)]


def comparison(record: Record, payload: Comparison) -> Row:
    """One model on two backends."""
    bad = worst(payload.checks)
    return {
        "Model": Code(record.model),
        "Backend": Code(record.backend),
        "Against": Code(payload.against),
        "Values": count(len(payload.checks)),
        "Failed": failures(payload.checks),
        "Worst": Code(f"{bad.kind} {bad.name}"),
        "Apart": number(bad.error),
        "Allowed": number(bad.bound),
    }


def ladder(record: Record, payload: Parity) -> list[Block]:
    """One model: its rungs, the first failure and the node to blame."""
    rows = [row(rung, graph, checks) for (rung, graph), checks in rungs(payload.checks)]
    caption = f"{cells.label(record)} against {payload.oracle}"
    page: list[Block] = [table(rows, caption=caption)]
    failed = [check for check in payload.checks if verdict.is_broken(check)]
    if not failed:
        return [*page, text(f"All {count(len(payload.checks))} checks pass.")]
    first = payload.first_failure or f"{failed[0].kind} {failed[0].name}"
    culprit = Code(payload.culprit) if payload.culprit else "not located"
    items: list[tuple[Inline, ...]] = [
        (Strong("First failure: "), " ", Code(first)),
        (Strong("Culprit: "), " ", culprit),
    ]
    items += [describe(check) for check in failed[:DESCRIBED]]
    return [*page, bullets(items)]


def rungs(checks: Iterable[Check]) -> list[tuple[tuple[str, str], list[Check]]]:
    """Checks by rung and graph, each where its first check stands."""
    # A record holds them as the ladder was climbed: each rung rests on those before it.
    groups: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        groups.setdefault((check.kind, check.graph), []).append(check)
    return list(groups.items())


def worst(checks: Iterable[Check]) -> Check:
    """A failed check before any that passed; among them the one farthest above its bound."""
    return max(checks, key=severity)


def severity(check: Check) -> tuple[bool, float]:
    """How bad a check is: whether it failed, then by how much, a missing number most."""
    ratio = cells.ratio(check)
    # Of what broke down before it had a number nothing is known, and so the worst is feared.
    if ratio is None and not check.ok:
        return True, float("inf")
    return verdict.is_broken(check), ratio or 0.0


def failures(checks: Iterable[Check]) -> Inline:
    """How many checks failed, loud where there are any."""
    failed = sum(map(verdict.is_broken, checks))
    return Strong(count(failed)) if failed else "0"


def row(rung: str, graph: str, checks: list[Check]) -> Row:
    """One rung."""
    bad = worst(checks)
    shifts = [check.millimetres for check in checks if check.millimetres is not None]
    # Relative errors are the rule: only another unit is worth a word in the cell.
    unit = "" if bad.unit == "relative" else f" {bad.unit}"
    error = number(bad.error) + (unit if bad.error is not None else "")
    return {
        "Rung": rung,
        "Graph": graph,
        "Checks": count(len(checks)),
        "Failed": failures(checks),
        "Worst": Code(bad.name),
        "Error": truth(bad) or error,
        "Bound": "holds" if truth(bad) else number(bad.bound) + unit,
        "Error ÷ bound": number(cells.ratio(bad)) if bad.bound else "exact",
        "Largest shift (mm)": number(max(shifts)) if shifts else "no pose",
    }


def truth(check: Check) -> str:
    """What came of a check that is answered by yes or no; empty of one with a number."""
    if check.unit != "yes or no":
        return ""
    return "does not hold" if verdict.is_broken(check) else "holds"


def describe(check: Check) -> tuple[Inline, ...]:
    """One failed check with all that is known about its node."""
    about = (
        check.op and f"op {check.op}",
        check.where and f"at {check.where}",
        check.note,
    )
    known = ", ".join(part for part in about if part)
    numbers = f": error {number(check.error)} against {number(check.bound)}"
    if said := truth(check):
        numbers = f": {said}"
    if known:
        numbers += f" ({known})"
    return f"{check.kind} ", Code(check.name), numbers


def draw(checks: Iterable[Check]) -> list[plot.Rung]:
    """Rungs for the figure: of the errors that can share an axis."""
    out = []
    for (rung, graph), group in rungs(checks):
        # Relative errors alone: a millimetre has no place on their scale.
        shown = [
            check
            for check in group
            if check.error is not None and check.bound > 0 and check.unit == "relative"
        ]
        if shown:
            bad = worst(shown)
            errors = tuple(check.error for check in shown if check.error is not None)
            # Red where any check failed, also one that is not drawn.
            ok = not any(map(verdict.is_broken, group))
            name = f"{rung} ({graph})"
            out.append(plot.Rung(name, errors, bad.error or 0.0, bad.bound, ok))
    return out

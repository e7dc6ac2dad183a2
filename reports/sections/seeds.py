"""Trainings with several seeds: mean and interval of each backend, and which are equivalent."""

from __future__ import annotations

from pathlib import Path

from bench.records import Run
from reports import cells, equivalence
from reports.blocks import Block, Code, Row, Strong, table, text
from reports.numbers import count, interval, number
from reports.verdict import seeds
from reports.verdict.seeds import Pair, Seeded

AFTER = ("alike",)
TITLE = "Seeds and equivalence"

LEGEND = (
    "Errors are those on the poses that validate the training, one for each seed; the interval"
    " of a mean is of 95 % (t). Two backends are equivalent where two one-sided tests (Welch,"
    " 5 % each) find their means nearer to each other than the margin, and different where a"
    " test (5 %) finds them further apart; the interval of a difference is of 90 %. Seeds"
    f" needed are those of each backend that would decide in {100 * equivalence.POWER:g} of 100"
    " runs, if difference and spread are as they were found."
)


def render(run: Run, figures: Path) -> list[Block]:
    """A row for each backend, then one for each two of them."""
    found = seeds.seeded(run)
    if not found:
        return [text("Each training has one seed (`--seeds`): not measured.")]
    page: list[Block] = [text(LEGEND)]
    page.append(table([_mean(one) for one in found], caption="Over seeds"))
    rows = [pair_row(pair) for pair in seeds.pairs(run)]
    if rows:
        said = f"Two by two, margin {seeds.margin(run):g} mm"
        page.append(table(rows, caption=said))
    return page


def _mean(one: Seeded) -> Row:
    mean = one.mean
    return cells.columns(one.record) | {
        "Seeds": count(mean.count),
        "Diverged": count(one.lost),
        "Mean": f"{number(mean.mean)} {one.unit}",
        "95 % interval": interval(mean.low, mean.high),
        "Deviation": number(mean.deviation),
        "Errors": ", ".join(map(number, one.scores)),
    }


def pair_row(pair: Pair) -> Row:
    """Two backends, as the report and the terminal have them."""
    found = pair.tested
    return {
        "Model": Code(pair.one.record.model),
        "Backends": Code(f"{pair.one.record.backend}, {pair.other.record.backend}"),
        "Difference (mm)": number(found.difference),
        "90 % interval": interval(found.low, found.high),
        "p equivalent": number(found.equivalent),
        "p different": number(found.different),
        "Answer": Strong(", ".join(filter(None, (found.answer, pair.batches)))),
        "Seeds needed": _needed(pair),
    }


def _needed(pair: Pair) -> str:
    found = pair.tested
    if found.answer != "inconclusive":
        return ""
    if found.equivalent is None:
        return "two at least"
    if found.needed is None:
        return f"over {equivalence.MOST:,}"
    return count(found.needed)

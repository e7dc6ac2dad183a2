"""Which ops a model's time goes to on each backend, and why the slower ones are slower."""

from __future__ import annotations

from pathlib import Path

from bench.records import Profile, ProfileRow, Record, Run
from reports import cells
from reports.blocks import Block, Code, Inline, Row, Strong, bullets, table, text
from reports.numbers import milliseconds, percent

AFTER = ("throughput",)
TITLE = "Time by op"
ABOUT = (
    "Each call of the inference graph by itself, times how often it is made, in ms. What a backend"
    " fuses makes the whole quicker than its parts; what a call costs beside its work, slower."
)
BEHIND = 1.5  # times the fastest backend's time, from which it is said why
MOST = 12  # ops of a table

Found = tuple[Record, Profile]


def render(run: Run, figures: Path) -> list[Block]:
    """For each model a table of ops by backend and a sentence for each that lags; else nothing."""
    found = cells.payloads(run.records, Profile)
    page: list[Block] = []
    for model in dict.fromkeys(record.model for record, _ in found):
        here = [pair for pair in found if pair[0].model == model]
        page.append(table(_rows(here), caption=model))
        if said := behind(here):
            page.append(bullets(said))
    return [text(ABOUT), *page] if page else []


def by_op(payload: Profile) -> dict[str, float]:
    """Seconds of all calls of each op."""
    summed: dict[str, float] = {}
    for row in payload.rows:
        if row.seconds is not None:
            summed[row.op] = summed.get(row.op, 0.0) + row.seconds * row.count
    return summed


def behind(found: list[Found]) -> list[list[Inline]]:
    """Why a backend is `BEHIND` times the fastest or more: the op that loses most, and its line."""
    fastest, best = min(found, key=lambda pair: pair[1].whole)
    said: list[list[Inline]] = []
    for record, payload in found:
        ratio = payload.whole / best.whole
        if ratio < BEHIND:
            continue
        start: list[Inline] = [
            Strong(record.backend),
            f" takes {ratio:.1f} times as long as {fastest.backend}",
        ]
        said.append([*start, *_lost((record, payload), best)])
    return said


def _lost(own: Found, best: Profile) -> list[Inline]:
    """Where the most of the gap is lost: in an op, or outside of all."""
    _, payload = own
    mine, theirs = by_op(payload), by_op(best)
    lost = {op: seconds - theirs.get(op, 0.0) for op, seconds in mine.items()}
    op = max(lost, key=lambda name: lost[name])
    gap = payload.whole - best.whole
    of = f"of the {milliseconds(gap)} ms between them"
    # between the calls, or what the fastest one fuses
    outside = gap - (sum(mine.values()) - sum(theirs.values()))
    if outside > lost[op]:
        return [f": most is lost outside of its calls, {milliseconds(outside)} {of}"]
    numbers = f"{milliseconds(mine[op])} ms against {milliseconds(theirs.get(op))}"
    return [
        ": most is lost in ",
        Code(op),
        f" ({numbers}, {milliseconds(lost[op])} {of}), at {_line([own], op)}",
    ]


def _rows(found: list[Found]) -> list[Row]:
    tables = {record.backend: by_op(payload) for record, payload in found}
    weight: dict[str, float] = {}
    for summed in tables.values():
        for op, seconds in summed.items():
            weight[op] = max(weight.get(op, 0.0), seconds)
    chosen = sorted(weight, key=lambda op: -weight[op])[:MOST]
    rows: list[Row] = []
    for op in chosen:
        row: Row = {"Op": Code(op), "Costliest line": _line(found, op)}
        rows.append(row | {name: _share(summed, op) for name, summed in tables.items()})
    whole: Row = {"Op": Strong("the whole"), "Costliest line": ""}
    whole |= {record.backend: milliseconds(one.whole) for record, one in found}
    return [whole, *rows]


def _share(summed: dict[str, float], op: str) -> str:
    if op not in summed:
        return milliseconds(None)
    return f"{milliseconds(summed[op])} ({percent(summed[op] / sum(summed.values()))})"


def _line(found: list[Found], op: str) -> str:
    def cost(row: ProfileRow) -> float:
        return (row.seconds or 0.0) * row.count

    rows = [row for _, payload in found for row in payload.rows if row.op == op]
    return max(rows, key=cost).where

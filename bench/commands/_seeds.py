"""What several seeds have come to, after the findings of a run."""

from __future__ import annotations

from typing import Any

from bench.commands._said import say
from bench.commands._tables import table
from bench.records import Run
from reports.blocks import Inline
from reports.sections import seeds as section
from reports.verdict import seeds


def told(run: Run) -> list[dict[str, Any]]:
    """Each two backends as JSON has them; nothing of a run of one seed."""
    return [
        {
            "model": pair.one.record.model,
            "backends": [pair.one.record.backend, pair.other.record.backend],
            "seeds": [pair.one.mean.count, pair.other.mean.count],
            "difference_mm": pair.tested.difference,
            "interval_90_mm": [pair.tested.low, pair.tested.high],
            "p_equivalent": pair.tested.equivalent,
            "p_different": pair.tested.different,
            "margin_mm": seeds.margin(run),
            "answer": pair.tested.answer,
            "seeds_needed": pair.tested.needed,
            "batches": pair.batches or "equal",
        }
        for pair in seeds.pairs(run)
    ]


def show(run: Run) -> None:
    """A line for each backend's mean, and a table of each two."""
    for one in seeds.seeded(run):
        say(f"{one.record.model} on {one.record.backend}: {_mean(one)}")
    rows = [section.pair_row(pair) for pair in seeds.pairs(run)]
    if rows:
        cells = [tuple(map(_plain, row.values())) for row in rows]
        table(tuple(title.lower() for title in rows[0]), cells)


def _mean(one: seeds.Seeded) -> str:
    mean = one.mean
    said = f"{mean.mean:.2f} {one.unit} over {mean.count} seeds"
    if mean.low is not None and mean.high is not None:
        said += f", 95 % interval {mean.low:.2f} to {mean.high:.2f}"
    return f"{said}; {one.lost} diverged" if one.lost else said


def _plain(cell: Inline) -> str:
    return cell if isinstance(cell, str) else cell.text

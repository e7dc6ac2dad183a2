"""Figure of numbers over time: a panel for each series, since no two share a scale or a machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reports.plot.canvas import BLUE, RED, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 2


@dataclass(frozen=True)
class Panel:
    """One series by the order of its runs; an end is None where no interval was measured."""

    title: str
    beneath: str  # what is measured, and where
    unit: str
    values: Sequence[float]
    lows: Sequence[float | None]
    highs: Sequence[float | None]
    steps: Sequence[int] = field(default_factory=tuple)  # first values after one


def history(path: Path, panels: Sequence[Panel]) -> None:
    """All panels, two in a row."""
    rows = -(-len(panels) // COLUMNS)
    with canvas(path, (9.6, 2.9 * rows)) as figure:
        places = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
        for axes, panel in zip(places, panels, strict=False):
            _panel(axes, panel)
        for axes in places[len(panels) :]:
            axes.set_visible(False)


def _panel(axes: Axes, panel: Panel) -> None:
    runs = range(1, len(panel.values) + 1)
    axes.plot(runs, panel.values, "o-", color=BLUE, markersize=4, linewidth=1)
    rows = zip(runs, panel.lows, panel.highs, strict=True)
    for run, low, high in rows:
        if low is not None and high is not None:
            axes.vlines(run, low, high, color=BLUE, linewidth=1)
    for step in panel.steps:
        # between the last run before it and the first after it
        axes.axvline(step + 0.5, color=RED, linestyle="--", linewidth=1.2)
    axes.set(title=panel.title, xlabel=f"run\n{panel.beneath}", ylabel=panel.unit)
    # from 0: cut off below, a change of a few per cent would look like a collapse
    axes.set_ylim(0, 1.05 * axes.get_ylim()[1])
    # whole runs, one of which is a dot in the middle
    axes.set_xlim(0.5, len(panel.values) + 0.5)
    axes.locator_params(axis="x", integer=True)

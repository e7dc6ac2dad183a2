"""Figure of speeds: bars with their intervals, the number written beside each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports import numbers
from reports.plot.canvas import INK, SKY, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Bar:
    """One bar with its interval, in the unit of the axis."""

    name: str
    value: float
    low: float
    high: float


def bars(path: Path, groups: Mapping[str, Sequence[Bar]], unit: str) -> None:
    """Horizontal bars with 95 % intervals, one panel for each group."""
    counts = [len(rows) for rows in groups.values()]
    # Inches: a row for each bar, and room for a title and an axis around each panel.
    height = 0.5 + sum(0.3 * count + 0.75 for count in counts)
    with canvas(path, (8.6, height)) as figure:
        ratios = [count + 0.8 for count in counts]
        # Not one x axis for all: a training step is several times slower than a forward
        # pass, and its bars would be stumps.
        grid = figure.subplots(len(groups), 1, squeeze=False, height_ratios=ratios)
        for axes, (title, rows) in zip(grid[:, 0], groups.items(), strict=True):
            bar_panel(axes, title, rows)
        grid[-1, 0].set_xlabel(unit)


def bar_panel(axes: Axes, title: str, rows: Sequence[Bar]) -> None:
    """The bars of one group, the first on top."""
    places = range(len(rows))
    values = np.array([row.value for row in rows])
    axes.barh(places, values, 0.66, color=SKY)
    intervals(axes, rows, values)
    for height, row in enumerate(rows):
        # Beside the end of the interval: inside the bar it would hide the whisker.
        axes.annotate(
            numbers.number(row.value),
            (row.high, height),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_yticks(places, [row.name for row in rows])
    # 14 % beyond the longest whisker: room for the number that stands there.
    right = 1.14 * max(row.high for row in rows)
    axes.set(title=title, xlim=(0, right), ylim=(len(rows) - 0.4, -0.6))
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.grid(axis="y", visible=False)


def intervals(axes: Axes, rows: Sequence[Bar], values: np.ndarray) -> None:
    """A black whisker over each bar, from the low end to the high one."""
    below = [row.value - row.low for row in rows]
    above = [row.high - row.value for row in rows]
    axes.errorbar(
        values,
        range(len(rows)),
        # A bootstrap interval need not hold the median; matplotlib refuses less than 0.
        xerr=np.array([below, above]).clip(0),
        fmt="none",
        ecolor=INK,
        elinewidth=1.3,
        capsize=3.5,
    )

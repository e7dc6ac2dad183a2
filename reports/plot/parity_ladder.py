"""Figure of parity: how far each rung is from the oracle, and how far it may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports.plot.canvas import BLUE, GREY, INK, RED, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# An exact agreement has no place on a log axis: it is drawn here, below what float64 can
# round (1.1e-16), and called 0.
EXACT = 1e-17


@dataclass(frozen=True)
class Rung:
    """All checks of one rung: their errors, the bound of the worst, whether all passed."""

    name: str
    errors: tuple[float, ...]
    worst: float
    bound: float
    ok: bool


def ladder(path: Path, panels: Mapping[str, Sequence[Rung]]) -> None:
    """Parity errors against their bounds, one panel for each model, on one log scale.

    A small dot is a check, the large mark the worst of its rung (a red cross when the rung
    failed), the bar its bound.
    """
    counts = [len(rungs) for rungs in panels.values()]
    # Inches: a row for each rung, room for a title over each panel, the axis at the foot.
    height = 0.9 + sum(0.27 * count + 0.55 for count in counts)
    with canvas(path, (8.6, height)) as figure:
        # In rows, and 0.6 of one more for the margins: the rows of all panels are as high.
        ratios = [count + 0.6 for count in counts]
        # One x axis for all: a model is compared with its neighbour by eye.
        grid = figure.subplots(
            len(panels), 1, sharex=True, squeeze=False, height_ratios=ratios
        )
        for axes, (title, rungs) in zip(grid[:, 0], panels.items(), strict=True):
            rung_panel(axes, title, rungs)
        error_axis(grid[-1, 0])
        figure.legend(handles=legend(), loc="outside lower center", ncols=4)


def error_axis(axes: Axes) -> None:
    """The scale under the last panel, which all panels share."""
    said = "error, relative to the largest expected value (log scale)"
    axes.set(xscale="log", xlabel=said)
    axes.xaxis.set_major_formatter(
        lambda value, _: f"{value:.0e}" if value > EXACT else "0"
    )


def rung_panel(axes: Axes, title: str, rungs: Sequence[Rung]) -> None:
    """The rungs of one model, the first on top."""
    for height, rung in enumerate(rungs):
        worst = max(rung.worst, EXACT)
        colour, marker = (BLUE, "o") if rung.ok else (RED, "X")
        # A pale line from the error to its bound: its length is the room that is left.
        ends = [worst, rung.bound]
        axes.plot(ends, [height, height], color=colour, alpha=0.35, linewidth=2)
        errors = np.maximum(rung.errors, EXACT)
        level = np.full(len(errors), height)
        axes.scatter(errors, level, s=9, color=GREY, alpha=0.5, linewidths=0)
        # zorder 3: over the dots, which may be hundreds.
        axes.scatter([worst], [height], s=52, color=colour, marker=marker, zorder=3)
        bound = [rung.bound]
        axes.scatter(
            bound, [height], s=170, color=INK, marker="|", linewidths=2, zorder=3
        )
    axes.set_yticks(range(len(rungs)), [rung.name for rung in rungs])
    # The limits run downwards, so that the first rung is the top one.
    axes.set(title=title, ylim=(len(rungs) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)


def legend() -> list[Line2D]:
    """What the marks mean; drawn by hand, since a panel may lack one of them."""
    return [
        mark(GREY, "o", 3, "one check"),
        mark(BLUE, "o", 7, "worst, within its bound"),
        mark(RED, "X", 8, "worst, rung failed"),
        mark(INK, "|", 11, "bound"),
    ]


def mark(colour: str, marker: str, size: float, name: str) -> Line2D:
    """One mark with its meaning."""
    from matplotlib.lines import Line2D

    # "|" is nothing but an edge; around the others an edge would only blur them.
    edge = 2 if marker == "|" else 0
    return Line2D(
        [],
        [],
        color=colour,
        marker=marker,
        markersize=size,
        linestyle="",
        markeredgewidth=edge,
        label=name,
    )

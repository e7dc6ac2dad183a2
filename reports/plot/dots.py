"""Figure of published numbers: a named dot each, a colour and a mark for each group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reports.plot.canvas import COLOURS, MARKERS, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AWAY = 6  # points between a dot and its name
# where names go in turn, for neighbours stand close: offset, and what is aligned there
UPRIGHT = (((0, AWAY), "center", "bottom"), ((0, -AWAY), "center", "top"))
FLAT = (
    ((AWAY, 0), "left", "center"),
    ((-AWAY, 0), "right", "center"),
    ((0, -AWAY), "center", "top"),
)


@dataclass(frozen=True)
class Dot:
    """One number and its name."""

    x: float
    y: float
    name: str
    hollow: bool = False  # less certain than the others


def dots(
    path: Path,
    groups: Mapping[str, Sequence[Dot]],
    *,
    x: str,
    y: str,
    log: bool = False,
) -> None:
    """Dots by group; `x` and `y` name the axes. x is logarithmic on demand, else of years."""
    with canvas(path, (9.6, 6.2)) as figure:
        axes = figure.subplots()
        for number, (group, members) in enumerate(groups.items()):
            marked(axes, number, group, members)
        every = [dot for members in groups.values() for dot in members]
        named(axes, every, upright=not log)
        axes.set(xlabel=x, ylabel=y, xscale="log" if log else "linear")
        # from 0: cut off below, a few per cent would look like a leap; above, room for names
        axes.set_ylim(0, 1.3 * axes.get_ylim()[1])
        axes.xaxis.set_major_formatter("{x:g}")
        axes.legend(loc="lower left", ncols=3)


def marked(axes: Axes, number: int, group: str, members: Sequence[Dot]) -> None:
    """The dots of one group, which its number gives its colour and mark."""
    colour = COLOURS[number % len(COLOURS)]
    mark = MARKERS[number % len(MARKERS)]
    for dot in members:
        face = "white" if dot.hollow else colour
        axes.plot(dot.x, dot.y, mark, color=colour, markerfacecolor=face)
    # the group's entry of the legend, whatever its dots look like
    axes.plot([], [], mark, color=colour, label=group)


def named(axes: Axes, members: Sequence[Dot], *, upright: bool) -> None:
    """The names: upright where dots stand side by side, flat where x is free."""
    places = UPRIGHT if upright else FLAT
    ordered = sorted(members, key=lambda dot: dot.x)
    for number, dot in enumerate(ordered):
        offset, across, along = places[number % len(places)]
        axes.annotate(
            dot.name,
            (dot.x, dot.y),
            xytext=offset,
            textcoords="offset points",
            rotation=90 if upright else 0,
            ha=across,
            va=along,
            fontsize=7,
        )

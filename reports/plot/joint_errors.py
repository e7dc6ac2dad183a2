"""Figure of where a pose is wrong: the error of each joint, models side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports.plot.canvas import COLOURS, INK, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROUP = 0.8  # of the distance of two joints: what their bars fill, the rest is air


def joints(
    path: Path,
    errors: Mapping[str, Mapping[str, float]],
    reference: tuple[str, Mapping[str, float]] | None,
) -> None:
    """Bars of the error of each joint (mm) by model; black lines are the best baseline."""
    # Models may have different joints: each joint that any of them has gets a place.
    names = list(dict.fromkeys(joint for values in errors.values() for joint in values))
    with canvas(path, (max(6.4, 0.55 * len(names) + 1.6), 3.6)) as figure:
        axes = figure.subplots()
        model_bars(axes, names, errors)
        if reference is not None:
            baseline_marks(axes, names, *reference)
        axes.set_xticks(
            range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor"
        )
        axes.set(title="Error of each joint", ylabel="MPJPE in mm", ylim=(0, None))
        axes.grid(axis="x", visible=False)
        legend(figure, axes, errors)


def model_bars(
    axes: Axes, names: list[str], errors: Mapping[str, Mapping[str, float]]
) -> None:
    """A bar for each model at each joint, the group centred over the joint's name."""
    width = GROUP / max(len(errors), 1)
    for number, (name, values) in enumerate(errors.items()):
        shift = (number - (len(errors) - 1) / 2) * width
        places = [index + shift for index in range(len(names))]
        # NaN draws no bar: a joint that a model lacks is not a joint without error.
        heights = [values.get(joint, np.nan) for joint in names]
        colour = COLOURS[number % len(COLOURS)]
        axes.bar(places, heights, width * 0.92, color=colour, label=name)


def baseline_marks(
    axes: Axes, names: list[str], title: str, values: Mapping[str, float]
) -> None:
    """A short black line at each joint: what a predictor that knows nothing reaches."""
    heights = [values.get(joint, np.nan) for joint in names]
    label = f"{title} (trivial baseline)"
    axes.scatter(
        range(len(names)),
        heights,
        s=260,
        marker="_",
        color=INK,
        linewidths=1.8,
        label=label,
    )


def legend(figure: Figure, axes: Axes, models: Mapping[str, object]) -> None:
    """The models first; matplotlib would put marks before bars."""
    pairs = zip(*axes.get_legend_handles_labels(), strict=True)
    known = sorted(pairs, key=lambda pair: pair[1] not in models)
    marks, labels = zip(*known, strict=True)
    # The marks are as large as in the plot; at that size they would run into the words.
    figure.legend(marks, labels, loc="outside lower center", ncols=4, markerscale=0.6)

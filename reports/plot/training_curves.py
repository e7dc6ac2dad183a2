"""Figure of trainings under one protocol: the loss, and what became of the error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports.plot.canvas import COLOURS, GREY, MARKERS, canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = ("--", ":", "-.")
MARKED = 30  # a curve of more points is a thick rope with a mark on each


@dataclass(frozen=True)
class Curve:
    """One training: steps and values, None where nothing was measured."""

    name: str
    loss_steps: tuple[int, ...]
    loss: tuple[float | None, ...]
    error_steps: tuple[int, ...]
    error: tuple[float | None, ...]  # validation MPJPE in millimetres


def curves(
    path: Path, trainings: Sequence[Curve], baselines: Mapping[str, float]
) -> None:
    """Loss on the left, validation MPJPE on the right; dashed lines are trivial baselines (mm)."""
    with canvas(path, (9.6, 3.5)) as figure:
        left, right = figure.subplots(1, 2)
        for number, one in enumerate(trainings):
            line(left, number, one.name, one.loss_steps, one.loss)
            line(right, number, one.name, one.error_steps, one.error)
        for number, (name, value) in enumerate(baselines.items()):
            dash = DASHES[number % len(DASHES)]
            right.axhline(value, color=GREY, linestyle=dash, linewidth=1.3, label=name)
        loss_axes(left, trainings)
        # From 0: cut off below, a gain of a few per cent would look like a triumph.
        right.set(title="Validation MPJPE", xlabel="step", ylabel="mm", ylim=(0, None))
        # One legend for both sides: below, where it can cover no curve.
        marks = right.get_legend_handles_labels()
        figure.legend(*marks, loc="outside lower center", ncols=4)


def line(
    axes: Axes,
    number: int,
    name: str,
    steps: Sequence[int],
    values: Sequence[float | None],
) -> None:
    """The curve of one training, which its number gives its colour and marker."""
    # NaN breaks the line; a value left out would be bridged as if it had been measured.
    known = [np.nan if value is None else value for value in values]
    axes.plot(
        steps,
        known,
        color=COLOURS[number % len(COLOURS)],
        marker=MARKERS[number % len(MARKERS)] if len(known) <= MARKED else "",
        markersize=4,
        label=name,
    )


def loss_axes(axes: Axes, trainings: Sequence[Curve]) -> None:
    """Title and scale of the losses: a log axis wherever each of them can stand on one."""
    scale = "log" if is_positive(trainings) else "linear"
    axes.set(title="Training loss", xlabel="step", ylabel="loss", yscale=scale)
    axes.yaxis.set_major_formatter("{x:g}")
    # On a log axis all nine ticks of a decade would run into each other.
    axes.yaxis.set_minor_formatter(
        lambda value, _: f"{value:g}" if f"{value:e}"[0] in "235" else ""
    )


def is_positive(trainings: Sequence[Curve]) -> bool:
    """Whether every loss can stand on a log axis."""
    known = [value for one in trainings for value in one.loss if value is not None]
    return bool(known) and min(known) > 0

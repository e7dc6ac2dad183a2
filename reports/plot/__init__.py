"""Figures with matplotlib: drawn without a screen, in colours that colour-blind people can
tell apart (Okabe and Ito, 2008).

Each function takes plain numbers and a path, and writes one PNG. Nothing that was not
measured is drawn.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reports import numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED, GREEN, ORANGE, PURPLE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#CC79A7",
    "#56B4E9",
)
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
MARKERS = "osD^vP"
INK, GREY, PALE = "#222222", "#777777", "#e4e4e4"
DPI = 110
# an exact agreement has no place on a log axis: it is drawn here, below float64 rounding,
# and called 0
EXACT = 1e-17
SQUARE = 250.0  # millimetres: side of a square of the floor under a skeleton
# degrees; a little turned, so that both views show all three axes
VIEWS = {"from the camera": 12.0, "from its left": 102.0}
TILT = np.radians(11.0)  # the eye looks down a little, so that the floor is a surface
STYLE: Any = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": PALE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Curve:
    """One training: steps and values, None where nothing was measured."""

    name: str
    loss_steps: tuple[int, ...]
    loss: tuple[float | None, ...]
    error_steps: tuple[int, ...]
    error: tuple[float | None, ...]  # validation MPJPE in millimetres


@dataclass(frozen=True)
class Rung:
    """All checks of one rung: their errors, the bound of the worst, and whether all passed."""

    name: str
    errors: tuple[float, ...]
    worst: float
    bound: float
    ok: bool


@dataclass(frozen=True)
class Bar:
    """One bar with its interval, in the unit of the axis."""

    name: str
    value: float
    low: float
    high: float


@contextmanager
def canvas(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """A figure of `size` inches that lies at `path`, whole, when the block ends."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        # Not pyplot: its state is global and it would look for a screen.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        draft = path.with_name(f".{path.stem}.{os.getpid()}.png")
        figure.savefig(draft, dpi=DPI, metadata={"Software": None})
        draft.replace(path)


def curves(path: Path, trainings: Sequence[Curve], baselines: Mapping[str, float]) -> None:
    """Training loss on the left, validation MPJPE on the right with the trivial baselines
    as dashed lines (millimetres).
    """
    with canvas(path, (9.6, 3.5)) as figure:
        left, right = figure.subplots(1, 2)
        for number, training in enumerate(trainings):
            line(left, training.loss_steps, training.loss, number, training.name)
            line(right, training.error_steps, training.error, number, training.name)
        for number, (name, value) in enumerate(baselines.items()):
            right.axhline(
                value,
                color=GREY,
                linestyle=("--", ":", "-.")[number % 3],
                linewidth=1.3,
                label=name,
            )
        left.set(
            title="Training loss",
            xlabel="step",
            ylabel="loss",
            yscale="log" if is_positive(trainings) else "linear",
        )
        right.set(title="Validation MPJPE", xlabel="step", ylabel="mm", ylim=(0, None))
        left.yaxis.set_major_formatter("{x:g}")
        # On a log axis all nine ticks of a decade would run into each other.
        left.yaxis.set_minor_formatter(
            lambda value, _: f"{value:g}" if f"{value:e}"[0] in "235" else ""
        )
        # One legend for both sides: below, where it can cover no curve.
        figure.legend(
            *right.get_legend_handles_labels(), loc="outside lower center", ncols=4
        )


def line(
    axes: Axes, steps: Sequence[int], values: Sequence[float | None], number: int, name: str
) -> None:
    """One curve; a value that is missing breaks it."""
    known = [np.nan if value is None else value for value in values]
    marker = MARKERS[number % len(MARKERS)] if len(known) <= 30 else ""
    axes.plot(
        steps,
        known,
        color=COLOURS[number % len(COLOURS)],
        marker=marker,
        markersize=4,
        label=name,
    )


def is_positive(trainings: Sequence[Curve]) -> bool:
    """Whether every loss can stand on a log axis."""
    known = [
        value for training in trainings for value in training.loss if value is not None
    ]
    return bool(known) and min(known) > 0


def ladder(path: Path, panels: Mapping[str, Sequence[Rung]]) -> None:
    """Parity errors against their bounds, one panel for each model, on one log scale.

    A small dot is a check, the large mark the worst of its rung (a red cross when the rung
    failed), the bar its bound.
    """
    heights = [len(rungs) for rungs in panels.values()]
    with canvas(
        path, (8.6, 0.9 + sum(0.27 * height + 0.55 for height in heights))
    ) as figure:
        grid = figure.subplots(
            len(panels),
            1,
            sharex=True,
            squeeze=False,
            height_ratios=[height + 0.6 for height in heights],
        )
        for axes, (title, rungs) in zip(grid[:, 0], panels.items(), strict=True):
            rung_panel(axes, title, rungs)
        grid[-1, 0].set(
            xscale="log", xlabel="error, relative to the largest expected value (log scale)"
        )
        grid[-1, 0].xaxis.set_major_formatter(
            lambda value, _: f"{value:.0e}" if value > EXACT else "0"
        )
        figure.legend(handles=ladder_legend(), loc="outside lower center", ncols=4)


def rung_panel(axes: Axes, title: str, rungs: Sequence[Rung]) -> None:
    """The rungs of one model, the first on top."""
    for height, rung in enumerate(rungs):
        worst, colour = max(rung.worst, EXACT), BLUE if rung.ok else RED
        axes.plot(
            [worst, rung.bound], [height, height], color=colour, alpha=0.35, linewidth=2
        )
        axes.scatter(
            np.maximum(rung.errors, EXACT),
            np.full(len(rung.errors), height),
            s=9,
            color=GREY,
            alpha=0.5,
            linewidths=0,
        )
        axes.scatter(
            [worst], [height], s=52, color=colour, marker="o" if rung.ok else "X", zorder=3
        )
        axes.scatter(
            [rung.bound], [height], s=170, color=INK, marker="|", linewidths=2, zorder=3
        )
    axes.set_yticks(range(len(rungs)), [rung.name for rung in rungs])
    axes.set(title=title, ylim=(len(rungs) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)


def ladder_legend() -> list[object]:
    """What the marks of the ladder mean."""
    from matplotlib.lines import Line2D

    def mark(colour: str, marker: str, size: float, name: str) -> Line2D:
        return Line2D(
            [],
            [],
            color=colour,
            marker=marker,
            markersize=size,
            linestyle="",
            markeredgewidth=2 if marker == "|" else 0,
            label=name,
        )

    return [
        mark(GREY, "o", 3, "one check"),
        mark(BLUE, "o", 7, "worst, within its bound"),
        mark(RED, "X", 8, "worst, rung failed"),
        mark(INK, "|", 11, "bound"),
    ]


def joints(
    path: Path,
    errors: Mapping[str, Mapping[str, float]],
    reference: tuple[str, Mapping[str, float]] | None,
) -> None:
    """Bars of the error of each joint (millimetres), grouped by joint; a short black line
    is the best trivial baseline.
    """
    names = list(dict.fromkeys(joint for values in errors.values() for joint in values))
    width = 0.8 / max(len(errors), 1)
    with canvas(path, (max(6.4, 0.55 * len(names) + 1.6), 3.6)) as figure:
        axes = figure.subplots()
        for number, (name, values) in enumerate(errors.items()):
            places = [
                index + (number - (len(errors) - 1) / 2) * width
                for index in range(len(names))
            ]
            heights = [values.get(joint, np.nan) for joint in names]
            axes.bar(
                places,
                heights,
                width * 0.92,
                color=COLOURS[number % len(COLOURS)],
                label=name,
            )
        if reference is not None:
            marks = [reference[1].get(joint, np.nan) for joint in names]
            axes.scatter(
                range(len(names)),
                marks,
                s=260,
                marker="_",
                color=INK,
                linewidths=1.8,
                label=f"{reference[0]} (trivial baseline)",
            )
        axes.set_xticks(
            range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor"
        )
        axes.set(title="Error of each joint", ylabel="MPJPE in mm", ylim=(0, None))
        axes.grid(axis="x", visible=False)
        # The models first; matplotlib would put marks before bars.
        known = sorted(
            zip(*axes.get_legend_handles_labels(), strict=True),
            key=lambda pair: pair[1] not in errors,
        )
        figure.legend(
            *zip(*known, strict=True), loc="outside lower center", ncols=4, markerscale=0.6
        )


def bars(path: Path, groups: Mapping[str, Sequence[Bar]], unit: str) -> None:
    """Horizontal bars with 95 % intervals, one panel for each group, values written beside
    them.
    """
    counts = [len(rows) for rows in groups.values()]
    with canvas(path, (8.6, 0.5 + sum(0.3 * count + 0.75 for count in counts))) as figure:
        grid = figure.subplots(
            len(groups), 1, squeeze=False, height_ratios=[count + 0.8 for count in counts]
        )
        for axes, (title, rows) in zip(grid[:, 0], groups.items(), strict=True):
            bar_panel(axes, title, rows)
        grid[-1, 0].set_xlabel(unit)


def bar_panel(axes: Axes, title: str, rows: Sequence[Bar]) -> None:
    """The bars of one group, the first on top."""
    values = np.array([row.value for row in rows])
    spread = np.array(
        [[row.value - row.low for row in rows], [row.high - row.value for row in rows]]
    )
    axes.barh(range(len(rows)), values, 0.66, color=SKY)
    axes.errorbar(
        values,
        range(len(rows)),
        xerr=spread.clip(0),
        fmt="none",
        ecolor=INK,
        elinewidth=1.3,
        capsize=3.5,
    )
    for height, row in enumerate(rows):
        axes.annotate(
            numbers.number(row.value),
            (row.high, height),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.set(
        title=title,
        xlim=(0, 1.14 * max(row.high for row in rows)),
        ylim=(len(rows) - 0.4, -0.6),
    )
    axes.xaxis.set_major_formatter("{x:,g}")
    axes.grid(axis="y", visible=False)


def skeletons(
    path: Path, bones: Sequence[tuple[int, int]], true: np.ndarray, predicted: np.ndarray
) -> None:
    """Predicted over true poses, (poses, joints, 3) millimetres, y down: above from the
    camera, below from the side.

    The second view shows depth, which is where a lifter errs; thin red lines join each
    joint to where it should be.
    """
    poses = len(true)
    with canvas(path, (max(2.3 * poses, 4.8), 6.8)) as figure:
        grid = figure.subplots(len(VIEWS), poses, squeeze=False)
        for row, (view, angle) in enumerate(VIEWS.items()):
            for column, axes in enumerate(grid[row]):
                overlay(axes, bones, true[column], predicted[column], np.radians(angle))
                axes.text(
                    0.5,
                    -0.02,
                    view,
                    transform=axes.transAxes,
                    ha="center",
                    va="top",
                    color=GREY,
                    fontsize=8.5,
                )
        for axes, here, there in zip(grid[0], true, predicted, strict=True):
            axes.set_title(
                f"{np.linalg.norm(here - there, axis=-1).mean():.1f} mm", loc="center"
            )
        figure.legend(
            handles=skeleton_legend(),
            loc="outside lower center",
            ncols=4 if poses > 2 else 2,
        )


def poses(path: Path, bones: Sequence[tuple[int, int]], predicted: np.ndarray) -> None:
    """Predicted poses (poses, joints, 3) millimetres, y down, where nothing is known to
    hold them against: from the camera and the side.
    """
    with canvas(path, (max(2.3 * len(predicted), 4.8), 6.4)) as figure:
        grid = figure.subplots(len(VIEWS), len(predicted), squeeze=False)
        for row, (view, angle) in enumerate(VIEWS.items()):
            for axes, pose in zip(grid[row], predicted, strict=True):
                ground(axes, pose, np.radians(angle))
                body(axes, bones, pose, np.radians(angle), colour=BLUE, width=2.0)
                axes.text(
                    0.5,
                    -0.02,
                    view,
                    transform=axes.transAxes,
                    ha="center",
                    va="top",
                    color=GREY,
                    fontsize=8.5,
                )


def project(points: np.ndarray, angle: float) -> np.ndarray:
    """Points (..., 3) of the camera frame (x right, y down, z away), walked around by
    `angle` radians, on upright paper: (..., 2).
    """
    x, y, z = np.moveaxis(points, -1, 0)
    across, away = (
        x * np.cos(angle) - z * np.sin(angle),
        x * np.sin(angle) + z * np.cos(angle),
    )
    return np.stack([across, -y * np.cos(TILT) + away * np.sin(TILT)], axis=-1)


def overlay(
    axes: Axes,
    bones: Sequence[tuple[int, int]],
    true: np.ndarray,
    predicted: np.ndarray,
    angle: float,
) -> None:
    """Both skeletons on their floor."""
    ground(axes, np.concatenate([true, predicted]), angle)
    for pair in project(np.stack([true, predicted], axis=1), angle):
        axes.plot(*pair.T, color=RED, linewidth=1, zorder=4)
    body(axes, bones, true, angle, colour=INK, width=3.0)
    body(axes, bones, predicted, angle, colour=BLUE, width=2.0)


def ground(axes: Axes, points: np.ndarray, angle: float) -> None:
    """The floor under points, all axes to one scale."""
    for edge in floor(points):
        axes.plot(*project(edge, angle).T, color=PALE, linewidth=1, zorder=1)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()


def body(
    axes: Axes,
    bones: Sequence[tuple[int, int]],
    pose: np.ndarray,
    angle: float,
    *,
    colour: str,
    width: float,
) -> None:
    """One skeleton."""
    flat = project(pose, angle)
    for parent, child in bones:
        axes.plot(
            *flat[[parent, child]].T,
            color=colour,
            linewidth=width,
            solid_capstyle="round",
            zorder=2,
        )
    axes.scatter(flat[:, 0], flat[:, 1], s=14, color=colour, zorder=3)


def floor(points: np.ndarray) -> Iterator[np.ndarray]:
    """Lines (2, 3) of squares under the lowest of `points` (count, 3), on a lattice that
    covers them.
    """
    low, high = points[:, [0, 2]].min(0), points[:, [0, 2]].max(0)
    start, end = np.floor(low / SQUARE) * SQUARE, np.ceil(high / SQUARE) * SQUARE
    ground = points[:, 1].max()
    for x in np.arange(start[0], end[0] + 1, SQUARE):
        yield np.array([[x, ground, start[1]], [x, ground, end[1]]])
    for z in np.arange(start[1], end[1] + 1, SQUARE):
        yield np.array([[start[0], ground, z], [end[0], ground, z]])


def skeleton_legend() -> list[object]:
    """What the colours of the skeletons mean."""
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=INK, linewidth=2.6, label="true"),
        Line2D([], [], color=BLUE, linewidth=1.9, label="predicted"),
        Line2D(
            [], [], color=RED, linewidth=0.8, label="from a joint to where it should be"
        ),
        Line2D(
            [],
            [],
            color=PALE,
            marker="s",
            markerfacecolor="none",
            markersize=8,
            label=f"floor, squares of {SQUARE / 1000:g} m",
        ),
    ]

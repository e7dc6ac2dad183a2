"""Figures of poses: predicted over true where the truth is known, and predicted alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports.plot.canvas import BLUE, INK, PALE, RED, canvas
from reports.plot.scene import (
    SQUARE,
    VIEWS,
    Bones,
    caption,
    draw_body,
    draw_floor,
    project,
)

Seen = tuple[np.ndarray, np.ndarray]  # a picture, and the places of joints in it
WHITE = "#ffffff"
BESIDE = 4  # pictures of a row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D


def skeletons(
    path: Path, bones: Bones, true: np.ndarray, predicted: np.ndarray
) -> None:
    """Predicted over true poses, (poses, joints, 3) mm: a column a pose, a row a view.

    Thin red lines join each joint to where it should be.
    """
    count = len(true)
    with canvas(path, (width_of(count), 6.8)) as figure:
        grid = figure.subplots(len(VIEWS), count, squeeze=False)
        for row, (view, angle) in enumerate(VIEWS.items()):
            for axes, due, came in zip(grid[row], true, predicted, strict=True):
                overlay(axes, bones, due, came, np.radians(angle))
                caption(axes, view)
        for axes, due, came in zip(grid[0], true, predicted, strict=True):
            error = np.linalg.norm(due - came, axis=-1).mean()
            axes.set_title(f"{error:.1f} mm", loc="center")
        # A figure of one or two poses is too narrow for all four entries in one line.
        ncols = 4 if count > 2 else 2
        figure.legend(handles=legend(), loc="outside lower center", ncols=ncols)


def poses(
    path: Path, bones: Bones, predicted: np.ndarray, seen: Sequence[Seen] = ()
) -> None:
    """Predicted poses, (poses, joints, 3) mm, where nothing is known to hold them against.

    Above each the picture it was made of, where there are some.
    """
    count, above = len(predicted), 1 if seen else 0
    # Lower than `skeletons` by its legend.
    with canvas(path, (width_of(count), 6.4 + 2.4 * above)) as figure:
        grid = figure.subplots(above + len(VIEWS), count, squeeze=False)
        for axes, (picture, places) in zip(grid[0], seen, strict=False):
            draw_picture(axes, bones, picture, places)
        grid = grid[above:]
        for row, (view, degrees) in enumerate(VIEWS.items()):
            angle = np.radians(degrees)
            for axes, pose in zip(grid[row], predicted, strict=True):
                draw_floor(axes, pose, angle)
                draw_body(axes, bones, pose, angle, colour=BLUE, width=2.0)
                caption(axes, view)


def pictures(path: Path, bones: Bones, seen: Sequence[Seen]) -> None:
    """Pictures with the places of their joints over them, four beside each other."""
    rows = -(-len(seen) // BESIDE)  # rounded up
    with canvas(path, (2.3 * BESIDE, 2.3 * rows)) as figure:
        grid = figure.subplots(rows, BESIDE, squeeze=False).flat
        for axes, (picture, places) in zip(grid, seen, strict=False):
            draw_picture(axes, bones, picture, places)


def draw_picture(
    axes: Axes,
    bones: Bones,
    picture: np.ndarray,
    places: np.ndarray,
    size: tuple[int, int] | None = None,
) -> None:
    """A picture (height, width, 3) of bytes, with a skeleton (joints, 2) in its pixels over it.

    Of one that was made smaller or larger, in pixels of its `size`, width and height, before.
    """
    width, height = size or picture.shape[1::-1]
    axes.imshow(picture, extent=(0, width, height, 0))
    for bone in bones:
        # twice, so that one of the two is seen on any background
        for colour, thick in ((WHITE, 3.0), (BLUE, 1.4)):
            axes.plot(*places[list(bone)].T, color=colour, linewidth=thick)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()


def width_of(count: int) -> float:
    """Inches for that many poses beside each other, and enough for a legend in any case."""
    return max(2.3 * count, 4.8)


def overlay(
    axes: Axes, bones: Bones, true: np.ndarray, predicted: np.ndarray, angle: float
) -> None:
    """Both skeletons on one floor, the true one the thicker and beneath."""
    draw_floor(axes, np.concatenate([true, predicted]), angle)
    # (joints, 2, 2): for each joint, where it should be and where it came to lie.
    for pair in project(np.stack([true, predicted], axis=1), angle):
        axes.plot(*pair.T, color=RED, linewidth=1, zorder=4)
    draw_body(axes, bones, true, angle, colour=INK, width=3.0)
    draw_body(axes, bones, predicted, angle, colour=BLUE, width=2.0)


def legend() -> list[Line2D]:
    """What the colours of the skeletons mean."""
    from matplotlib.lines import Line2D

    # A little thinner than drawn: a line in a legend is short, and looks the thicker.
    lines = (
        (INK, 2.6, "true"),
        (BLUE, 1.9, "predicted"),
        (RED, 0.8, "from a joint to where it should be"),
    )
    known = [
        Line2D([], [], color=colour, linewidth=width, label=name)
        for colour, width, name in lines
    ]
    square = Line2D(
        [],
        [],
        color=PALE,
        marker="s",
        markerfacecolor="none",
        markersize=8,
        label=f"floor, squares of {SQUARE / 1000:g} m",
    )
    return [*known, square]

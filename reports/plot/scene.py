"""Bodies on a floor, seen from two sides, in axes without perspective.

Poses are (joints, 3) in millimetres in the camera's frame: x right, y down, z away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from reports.plot.canvas import GREY, PALE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Bones = Sequence[tuple[int, int]]  # (parent, child)

SQUARE = 250.0  # mm: side of a square of the floor under a skeleton
# Degrees around the vertical; a little turned, so that both views show all three axes.
# The second shows depth, which is where a lifter errs.
VIEWS = {"from the camera": 12.0, "from its left": 102.0}
TILT = np.radians(11.0)  # the eye looks down a little, so that the floor is a surface


def project(points: np.ndarray, angle: float) -> np.ndarray:
    """Points (..., 3), walked around by `angle` radians, on upright paper: (..., 2)."""
    x, y, z = np.moveaxis(points, -1, 0)
    across = x * np.cos(angle) - z * np.sin(angle)
    away = x * np.sin(angle) + z * np.cos(angle)
    # y runs down in the camera's frame and up on paper; what is further away stands higher.
    up = -y * np.cos(TILT) + away * np.sin(TILT)
    return np.stack([across, up], axis=-1)


def floor(points: np.ndarray) -> Iterator[np.ndarray]:
    """Lines (2, 3) of squares under the lowest of `points` (count, 3).

    They lie on one lattice for all poses, and cover the points.
    """
    ground = points[:, [0, 2]]
    low = np.floor(ground.min(0) / SQUARE) * SQUARE
    high = np.ceil(ground.max(0) / SQUARE) * SQUARE
    level = points[:, 1].max()  # y runs down: the largest is the lowest
    # One past the end, so that arange keeps the last line in spite of rounding.
    for x in np.arange(low[0], high[0] + 1, SQUARE):
        yield np.array([[x, level, low[1]], [x, level, high[1]]])
    for z in np.arange(low[1], high[1] + 1, SQUARE):
        yield np.array([[low[0], level, z], [high[0], level, z]])


def draw_floor(axes: Axes, points: np.ndarray, angle: float) -> None:
    """The floor under points, all axes to one scale."""
    for edge in floor(points):
        axes.plot(*project(edge, angle).T, color=PALE, linewidth=1, zorder=1)
    # A millimetre is as long across as up, or limbs would change length with the view.
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_axis_off()


def draw_body(
    axes: Axes,
    bones: Bones,
    pose: np.ndarray,
    angle: float,
    *,
    colour: str,
    width: float,
) -> None:
    """One skeleton: its bones as lines, its joints as dots."""
    flat = project(pose, angle)
    for bone in bones:
        ends = flat[list(bone)].T
        # Round, so that two bones meet at a joint without a notch.
        axes.plot(
            *ends, color=colour, linewidth=width, solid_capstyle="round", zorder=2
        )
    axes.scatter(flat[:, 0], flat[:, 1], s=14, color=colour, zorder=3)


def caption(axes: Axes, words: str) -> None:
    """Words under a drawing; its axes, which would carry a label, are off."""
    axes.text(
        0.5,
        -0.02,
        words,
        transform=axes.transAxes,
        ha="center",
        va="top",
        color=GREY,
        fontsize=8.5,
    )

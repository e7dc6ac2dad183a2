"""Films of one clip: a skeleton or a surface seen from two sides, or keypoints over pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports.plot.canvas import BLUE, canvas
from reports.plot.film import film
from reports.plot.pose_views import draw_picture
from reports.plot.scene import (
    VIEWS,
    Bones,
    caption,
    draw_body,
    draw_floor,
    project,
)
from reports.plot.surface_views import draw_surface

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Picture = Callable[[int], np.ndarray]  # RGB (height, width, 3) of a frame
TWO_VIEWS = (6.4, 4.0)  # inches
HIGH = 3.6  # inches of a picture
BLANK = 244  # grey of a canvas without picture


def walking(path: Path, bones: Bones, poses: np.ndarray, fps: float) -> None:
    """Poses (frames, joints, 3), mm in the camera's frame, as GIF or MP4."""

    def draw(axes: Axes, frame: int, angle: float) -> None:
        draw_body(axes, bones, poses[frame], angle, colour=BLUE, width=2.0)

    _turned(path, poses, draw, fps)


def breathing(path: Path, faces: np.ndarray, vertices: np.ndarray, fps: float) -> None:
    """Surfaces (frames, V, 3), mm in the camera's frame, of the same faces (F, 3)."""

    def draw(axes: Axes, frame: int, angle: float) -> None:
        draw_surface(axes, faces, vertices[frame], angle)

    _turned(path, vertices, draw, fps)


def _turned(
    path: Path,
    points: np.ndarray,
    draw: Callable[[Axes, int, float], None],
    fps: float,
) -> None:
    """What `draw` draws of each frame, from both sides; the window does not move."""
    with film(path, TWO_VIEWS, fps) as (figure, grab):
        row = figure.subplots(1, len(VIEWS))
        for frame in range(len(points)):
            for axes, (view, degrees) in zip(row, VIEWS.items(), strict=True):
                angle = np.radians(degrees)
                axes.clear()
                # all frames', or the floor would jump beneath them
                draw_floor(axes, points.reshape(-1, 3), angle)
                draw(axes, frame, angle)
                _still(axes, project(points, angle))
                caption(axes, view)
            grab()


def _still(axes: Axes, flat: np.ndarray) -> None:
    """A window on all that is ever seen, with some air around it."""
    low, high = flat.min(axis=(0, 1)), flat.max(axis=(0, 1))
    air = 0.08 * (high - low).max()
    axes.set(xlim=(low[0] - air, high[0] + air), ylim=(low[1] - air, high[1] + air))
    axes.set_aspect("equal", adjustable="box")


def overlays(
    path: Path,
    bones: Bones,
    keypoints: np.ndarray,
    frames: Sequence[int],
    size: tuple[int, int],
    picture: Picture | None,
) -> None:
    """Keypoints (frames, joints, 2), pixels, over pictures of that size: some frames, a row."""
    wide = HIGH * size[0] / size[1]
    with canvas(path, (wide * len(frames), HIGH)) as figure:
        row = figure.subplots(1, len(frames), squeeze=False)[0]
        for axes, frame in zip(row, frames, strict=True):
            _overlay(axes, bones, keypoints[frame], frame, size, picture)


def watching(
    path: Path,
    bones: Bones,
    keypoints: np.ndarray,
    frames: Sequence[int],
    size: tuple[int, int],
    picture: Picture | None,
    fps: float,
) -> None:
    """The same frames one after the other."""
    with film(path, (HIGH * size[0] / size[1], HIGH), fps) as (figure, grab):
        axes = figure.subplots()
        for frame in frames:
            axes.clear()
            _overlay(axes, bones, keypoints[frame], frame, size, picture)
            grab()


def _overlay(
    axes: Axes,
    bones: Bones,
    keypoints: np.ndarray,
    frame: int,
    size: tuple[int, int],
    picture: Picture | None,
) -> None:
    """One picture, of a detector's places too, which may lie outside."""
    if picture is None:
        colours = np.full((2, 2, 3), BLANK, np.uint8)
    else:
        colours = picture(frame)
    draw_picture(axes, bones, colours, keypoints, size)

"""Figures of surfaces: bodies on a floor, shaded, each seen from two sides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from reports.plot.canvas import canvas
from reports.plot.pose_views import width_of
from reports.plot.scene import VIEWS, caption, draw_floor, project

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLAY = np.array([0.86, 0.76, 0.68])
# from before the body, above it and to its side, as seen on paper: across, up, towards the eye
LIGHT = np.array([-0.45, 0.65, 0.61])
DARKEST = 0.38  # of what no light falls on


def surfaces(path: Path, faces: np.ndarray, vertices: np.ndarray) -> None:
    """Surfaces (bodies, V, 3), mm in the camera's frame, of the same faces (F, 3)."""
    count = len(vertices)
    with canvas(path, (width_of(count), 6.4)) as figure:
        grid = figure.subplots(len(VIEWS), count, squeeze=False)
        for row, (view, degrees) in enumerate(VIEWS.items()):
            for axes, body in zip(grid[row], vertices, strict=True):
                draw_floor(axes, body, np.radians(degrees))
                draw_surface(axes, faces, body, np.radians(degrees))
                caption(axes, view)


def draw_surface(
    axes: Axes, faces: np.ndarray, vertices: np.ndarray, angle: float
) -> None:
    """One body, what is near over what is far, and nothing of its back."""
    from matplotlib.collections import PolyCollection

    flat = project(vertices, angle)
    depth = vertices[:, 0] * np.sin(angle) + vertices[:, 2] * np.cos(angle)
    # on paper: across, up, towards the eye
    seen = np.column_stack([flat, -depth])
    normals = _normals(seen, faces)
    front = np.flatnonzero(normals[:, 2] > 0)
    order = front[np.argsort(-depth[faces[front]].mean(axis=1))]
    light = np.clip(normals[order] @ LIGHT, 0, 1)
    colours = CLAY * (DARKEST + (1 - DARKEST) * light[:, None])
    # edges in the same colour, or the paper would shine through between faces
    drawn = PolyCollection(
        list(flat[faces[order]]), facecolors=colours, edgecolors=colours, zorder=2
    )
    drawn.set_linewidth(0.4)
    axes.add_collection(drawn)


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(F, 3): where faces look, evened out between neighbours so that the skin is smooth."""
    first, second, third = (vertices[faces[:, corner]] for corner in range(3))
    flat = np.cross(second - first, third - first)
    corners = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(corners, faces[:, corner], flat)
    mean = corners[faces].mean(axis=1)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    found: np.ndarray = mean / np.maximum(length, 1e-12)
    return found

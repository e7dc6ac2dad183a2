"""A camera told from what it sees.

For data that give 2D and 3D joints of each frame but not the camera.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.cameras import Camera
from models.errors import BadInput

Array = NDArray[np.floating]

ENOUGH = 2048  # frames that are looked at, evenly spread
NEAR = 1.0  # mm; no camera sees a joint closer


def pinhole(points: Array, pixels: Array, *, width: int, height: int) -> Camera:
    """The camera that projects points (frames, joints, 3) mm to pixels (frames, joints, 2) best.

    It stands at the origin of its own frame. Least squares on x = f X/Z + c for each axis; exact
    where the pixels are projections. Raises BadInput where a point lies behind the camera or all
    points look alike, so that no focal length can be told.
    """
    step = max(1, len(points) // ENOUGH)
    seen = points[::step].reshape(-1, 3).astype(np.float64)
    shown = pixels[::step].reshape(-1, 2).astype(np.float64)
    # of joints that the truth lacks nothing is told
    there = ~np.isnan(seen).any(axis=1)
    seen, shown = seen[there], shown[there]
    if not (len(seen) and (seen[:, 2] > NEAR).all()):
        raise BadInput(
            "the camera is not given, and a point lies behind it or in it, so that it"
            " cannot be told from the data"
        )
    rays = seen[:, :2] / seen[:, 2:]
    # slope and intercept of a straight line, x and y each by itself
    centred = rays - rays.mean(axis=0)
    spread = (centred**2).mean(axis=0)
    together = (centred * (shown - shown.mean(axis=0))).mean(axis=0)
    # NaN where all rays are one, which the next line refuses
    focal = together / np.where(spread > 0, spread, np.nan)
    if not (focal > 0).all():
        raise BadInput(
            "the camera is not given, and its focal length cannot be told from the data: 2D"
            " and 3D joints do not agree"
        )
    return Camera(
        rotation=np.eye(3),
        translation=np.zeros(3),
        focal=focal,
        centre=shown.mean(axis=0) - focal * rays.mean(axis=0),
        width=width,
        height=height,
    )

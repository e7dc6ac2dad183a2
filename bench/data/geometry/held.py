"""Where a joint is taken to be in frames that lack it, so that something can be drawn or fed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.cameras import Camera, project

Array = NDArray[np.floating]

AHEAD = (0.0, 0.0, 1.0)  # on the axis of a camera, where every one sees something


def seen_by(camera: Camera, pose: Array) -> Array:
    """Where poses (frames, joints, 3), mm in the camera frame, are seen: pixels (..., 2).

    A joint that is missing, NaN, where it was last. Raises BadInput (`project`).
    """
    missing = np.any(np.isnan(pose), axis=-1)
    return project(camera, held(pose, missing, AHEAD) if missing.any() else pose)


def held(
    points: Array, missing: NDArray[np.bool_], nowhere: tuple[float, ...]
) -> Array:
    """Points (frames, joints, channels), the missing ones (frames, joints) where last seen.

    Where first seen if that comes later, and `nowhere` for a joint that is missing in every frame.
    """
    frame = np.where(missing, -1, np.arange(len(missing))[:, None])
    # the greatest number so far is the last frame in which a joint was seen, -1 before any
    last = np.maximum.accumulate(frame, axis=0)
    first = (~missing).argmax(axis=0)
    found = points[np.where(last < 0, first, last), np.arange(missing.shape[1])]
    found[:, missing.all(axis=0)] = nowhere
    return found

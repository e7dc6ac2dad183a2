"""A camera set up a little differently."""

from __future__ import annotations

import dataclasses

import numpy as np

from bench.data.augmentation._bodies import refilm, world
from bench.data.augmentation._options import Share, Spread
from bench.data.clip import Clip
from bench.data.geometry.conventions import matrix_of

DRAWN = "view"
SHORTEST = 0.1  # of the focal length, which must stay positive whatever is drawn


def change(
    clip: Clip,
    draw: np.random.Generator,
    *,
    degrees: Spread = 1.0,
    millimetres: Spread = 50.0,
    focal: Share = 0.02,
) -> Clip:
    """Standard deviations of the camera's direction, its place and its focal length (a share).

    Raises BadInput for a clip without 3D, or where a joint comes behind the camera.
    """
    old = clip.camera
    # a small quaternion is half its rotation vector
    turn = matrix_of((1.0, *(np.radians(draw.normal(0, degrees, 3)) / 2)))
    rotation = turn @ old.rotation
    position = old.position + draw.normal(0, millimetres, 3)
    length = old.focal * max(SHORTEST, 1 + draw.normal(0, focal))
    camera = dataclasses.replace(
        old,
        rotation=rotation,
        translation=-rotation @ position,
        focal=length,
    )
    return refilm(clip, camera, world(clip, "jitter"))

"""Turn the body about the vertical; the cameras stay."""

from __future__ import annotations

import numpy as np

from bench.data.augmentation._bodies import refilm, root, world
from bench.data.augmentation._options import Spread
from bench.data.clip import Clip

DRAWN = "take"


def change(clip: Clip, draw: np.random.Generator, *, degrees: Spread = 180.0) -> Clip:
    """About the mean root, by up to `degrees` either way.

    Raises BadInput for a clip without world poses, or where a joint comes behind the camera.
    """
    pose = world(clip, "rotate")
    angle = np.radians(draw.uniform(-degrees, degrees))
    cosine = np.cos(angle)
    sine = np.sin(angle)
    turn = np.array(
        [
            [cosine, -sine, 0],
            [sine, cosine, 0],
            [0, 0, 1],
        ]
    )
    middle = root(pose, clip)
    return refilm(clip, clip.camera, (pose - middle) @ turn.T + middle)

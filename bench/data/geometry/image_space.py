"""The scaled image space of Human3.6M's poses (Ci et al., LCN, 2019), which MotionBERT predicts.

x, y and depth behind the root, all in pixels. x and y are the pinhole picture's; the depth is
scaled by f / Z + 1/2000, f the focal length in pixels and Z the root's depth in mm. One over it is
the frame's 2.5D factor, in millimetres per pixel: it makes millimetres of all three.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry.cameras import Camera
from models.errors import BadInput

# the square around the root whose picture gives the scale, one pixel counted extra
BOX_MM = 2000.0

Array = NDArray[np.float64]


def factor_at(camera: Camera, depth: Array) -> Array:
    """Millimetres per pixel where the root stands `depth` mm away."""
    factor: Array = 1 / (camera.focal[0] / depth + 1 / BOX_MM)
    return factor


def depth_at(camera: Camera, factor: Array) -> Array:
    """How many mm away the root stands by its millimetres per pixel: undoes `factor_at`."""
    depth: Array = camera.focal[0] / (1 / factor - 1 / BOX_MM)
    return depth


def factors(clip: Clip, part: slice = slice(None)) -> Array:
    """The 2.5D factor of some frames of a clip (frames,), mm per pixel.

    It follows from the depth of the skeleton's root, and is NaN where the truth lacks it. Raises
    BadInput for a clip without poses, and
    where the root is not before the camera.
    """
    if clip.camera_pose is None:
        raise BadInput(
            f"clip {clip.name}, {clip.camera_name}: no poses, so no 2.5d_factor; take clips"
            " that have poses"
        )
    root = clip.skeleton.parents.index(-1)
    depth = clip.camera_pose[part, root, 2].astype(np.float64)
    if (depth <= 0).any():
        # of the clip, not of the part
        frame = (part.start or 0) + int((depth <= 0).argmax())
        raise BadInput(
            f"clip {clip.name}, {clip.camera_name}: the root is behind the camera at frame"
            f" {frame}, so no 2.5d_factor; cut the clip"
        )
    return factor_at(clip.camera, depth)

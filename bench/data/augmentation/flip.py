"""The mirror image: picture, poses, camera, lens and world, left and right joints swapped."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry.cameras import Camera

DRAWN = "take"


def change(clip: Clip, draw: np.random.Generator) -> Clip:
    """x negated everywhere. Twice is the identity."""
    order = list(clip.skeleton.mirror)
    keypoints = clip.keypoints[:, order]
    keypoints[..., 0] = clip.camera.width - keypoints[..., 0]
    return dataclasses.replace(
        clip,
        keypoints=keypoints,
        confidence=clip.confidence[:, order],
        camera_pose=_negated(clip.camera_pose, order),
        world_pose=_negated(clip.world_pose, order),
        camera=_mirrored(clip.camera),
        # files show who stood there before
        pictures=None,
        boxes=None,
    )


def _negated(
    pose: NDArray[np.float32] | None,
    order: list[int],
) -> NDArray[np.float32] | None:
    if pose is None:
        return None
    return pose[:, order] * np.array([-1, 1, 1], dtype=np.float32)


def _mirrored(camera: Camera) -> Camera:
    """The camera that shows the mirrored world as this one's picture mirrored."""
    mirror = np.array([-1.0, 1.0, 1.0])
    return dataclasses.replace(
        camera,
        # F R F and F t, F = diag(-1, 1, 1): two reflections make a rotation again
        rotation=camera.rotation * mirror * mirror[:, None],
        translation=camera.translation * mirror,
        centre=np.array([camera.width - camera.centre[0], camera.centre[1]]),
        tangential=camera.tangential * mirror[:2],
    )

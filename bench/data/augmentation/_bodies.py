"""Bodies in the world, and clips filmed anew; for steps that move body or camera."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry.cameras import (
    Camera,
    camera_to_world,
    world_to_camera,
)
from bench.data.geometry.held import seen_by
from models.errors import BadInput

Float = NDArray[np.float64]

NEAREST = 300.0  # mm before a camera: a joint nearer than that fills the picture


class TooNear(BadInput):
    """A joint comes behind a camera, or next to it; other draws may not bring it there."""


def world(clip: Clip, step: str) -> Float:
    """World poses (frames, joints, 3), mm.

    Raises BadInput, naming the step, for a clip that has none.
    """
    if clip.world_pose is not None:
        return clip.world_pose.astype(np.float64)
    # a jittered camera needs no vertical, so there camera poses do as well
    if step != "jitter" or clip.camera_pose is None:
        raise BadInput(
            f"clip {clip.name}: {step} needs 3D world poses and the source has none; leave"
            " the step out"
        )
    return camera_to_world(clip.camera, clip.camera_pose).astype(np.float64)


def root(pose: Float, clip: Clip) -> Float:
    """The mean place (3,) of the root, over the frames of the clip that have it.

    Raises BadInput where none has.
    """
    places = pose[:, clip.skeleton.parents.index(-1)]
    missing = np.isnan(places).any(axis=1)
    if missing.all():
        raise BadInput(
            f"clip {clip.name}: no frame has a root, about which the body is moved; leave"
            " the clip or the step out"
        )
    return (places[~missing] if missing.any() else places).mean(axis=0)


def refilm(clip: Clip, camera: Camera, pose: Float) -> Clip:
    """The clip with its body at `pose` (world), seen by `camera`.

    Every keypoint is as far off the truth as before, that of a missing joint off its last place.
    Raises TooNear where a joint comes behind the camera, or nearer to it than 300 mm and than any
    was before.
    """
    before = clip.camera_pose
    if before is None:
        before = world_to_camera(clip.camera, world(clip, "refilm")).astype(np.float32)
    seen = world_to_camera(camera, pose)
    try:
        error = clip.keypoints - seen_by(clip.camera, before)
        keypoints = seen_by(camera, seen) + error
    except BadInput as failure:
        raise TooNear(f"clip {clip.name}, {clip.camera_name}: {failure}") from None
    if nearest(seen) < min(NEAREST, nearest(before)):
        raise TooNear(
            f"clip {clip.name}, {clip.camera_name}: a joint comes within {NEAREST:.0f} mm of"
            " the camera; move the camera back or the subject forward"
        )
    # a source without a world of its own does not get one
    moved = None if clip.world_pose is None else pose.astype(np.float32)
    return dataclasses.replace(
        clip,
        keypoints=keypoints.astype(np.float32),
        camera_pose=seen.astype(np.float32),
        world_pose=moved,
        camera=camera,
        # files show who stood there before
        pictures=None,
        boxes=None,
    )


def nearest(pose: NDArray[np.floating]) -> float:
    """Least depth of a joint that is there, mm before the camera; infinite of none."""
    depth = pose[..., 2]
    return float(np.min(depth, where=~np.isnan(depth), initial=np.inf))

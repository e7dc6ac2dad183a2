"""Where in front of the camera a predicted pose stands: where it projects best to its keypoints.

A pose from the root says nothing of the root itself. With X, Y, Z of a joint from the root and
x, y the ray that its keypoint lies on, a root at t projects the joint onto its keypoint where

    t_x - x t_z = x Z - X,    t_y - y t_z = y Z - Y,

and t is taken that solves these of all joints with the least squares, as Pose2Mesh's authors fit
their meshes to pictures (Choi et al. 2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.cameras import undistort
from bench.metrics import View

Array = NDArray[np.floating]
Float = NDArray[np.float64]


def fitted(poses: Array, view: View, clips: NDArray[np.int64], *, root: int) -> Float:
    """Roots (M, 3), mm in the camera's frame, of poses (M, J, 3), mm.

    `clips` are the numbers of the clips that they are of, and `root` is a place among the joints.
    Raises BadInput for a keypoint that the camera's lens cannot show.
    """
    rays = np.empty_like(view.keypoints)
    for number, camera in view.cameras.items():
        mine = clips == number
        straight = undistort(camera, view.keypoints[mine])
        rays[mine] = (straight - camera.centre) / camera.focal
    place = poses.astype(np.float64)
    found: Float = _fitted(place, rays) + place[:, root]
    return found


def _fitted(place: Float, rays: Float) -> Float:
    """(M, 3): by the normal equations of both rows of every joint."""
    joints = place.shape[1]
    due = rays * place[..., 2:] - place[..., :2]  # (M, J, 2)
    square = np.zeros((len(place), 3, 3))
    square[:, 0, 0] = square[:, 1, 1] = joints
    square[:, :2, 2] = square[:, 2, :2] = -rays.sum(axis=1)
    square[:, 2, 2] = (rays**2).sum(axis=(1, 2))
    right = np.concatenate(
        [due.sum(axis=1), -(rays * due).sum(axis=(1, 2))[:, None]], axis=1
    )
    # keypoints that all lie in one place leave the depth open
    inverse = np.linalg.pinv(square, hermitian=True)
    found: Float = (inverse @ right[..., None])[..., 0]
    return found

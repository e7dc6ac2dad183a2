"""One pose out of several: N poses, H hypotheses of each, J joints.

The rules `mean`, `best`, `best-joints` and `jpma` are what Shan et al. (2023, D3DP) call
P-Agg, P-Best, J-Best and J-Agg.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.cameras import project
from bench.metrics._facts import Array, View
from bench.metrics._lengths import lengths
from models.errors import BadInput

NEAR = 1.0  # mm: a joint nearer to the camera's plane has no projection worth comparing


def reduce(
    rule: str,
    poses: Array,
    true: Array,
    *,
    counted: Sequence[int],
    view: View | None,
    clips: NDArray[np.int64],
) -> Array:
    """(N, J, 3) from hypotheses (N, H, J, 3), by a rule of `protocols.HYPOTHESES`.

    The truth is (N, J, 3), all mm relative to the root. The best hypothesis is the one with the
    least mean distance over the joints that are `counted`. Raises BadInput where joints are to be
    chosen by their projection and there is no view.
    """
    if rule == "mean":
        return poses.mean(axis=1)
    if rule == "jpma":
        return _joints(poses, reprojection(poses, view, clips))
    # of a joint that the truth lacks all are equally far
    error = np.nan_to_num(_distances(poses, true[:, None]))
    if rule == "best":
        # one error for all joints of a hypothesis, so that all are taken from the same
        whole = error[..., counted].mean(axis=2, keepdims=True)
        error = np.broadcast_to(whole, error.shape)
    return _joints(poses, error)


def reprojection(poses: Array, view: View | None, clips: NDArray[np.int64]) -> Array:
    """(N, H, J) pixels between each joint's keypoint and its projection.

    Poses are put at the true root; behind the camera the distance is infinite.
    """
    if view is None:
        raise BadInput(
            "evaluate: joints are chosen by their projection, and no keypoints, roots and"
            " cameras came; give extras.view"
        )
    error = np.empty(poses.shape[:3])
    placed = poses + view.roots[:, None, None]
    for clip in np.unique(clips):
        mine = clips == clip
        if int(clip) not in view.cameras:
            raise BadInput(
                f"evaluate: extras.view has no camera for clip {clip}; give one for each"
                " clip"
            )
        points = placed[mine]
        behind = points[..., 2] < NEAR
        # moved to the front, as `project` refuses the rest
        points[..., 2] = np.maximum(points[..., 2], NEAR)
        shown = project(view.cameras[int(clip)], points)
        apart = np.linalg.norm(shown - view.keypoints[mine][:, None], axis=-1)
        error[mine] = np.where(behind, np.inf, apart)
    return error


def _distances(poses: Array, true: Array) -> Array:
    """(N, H, J) between hypotheses (N, H, J, 3) and truth (N, 1, J, 3)."""
    error = poses - true
    # `lengths` knows one axis of poses
    return lengths(error.reshape(-1, *error.shape[2:])).reshape(error.shape[:3])


def _joints(poses: Array, error: Array) -> Array:
    """Of each joint the hypothesis with the least error (N, H, J)."""
    best = error.argmin(axis=1)[:, None, :, None]
    return np.take_along_axis(poses, best, axis=1)[:, 0]

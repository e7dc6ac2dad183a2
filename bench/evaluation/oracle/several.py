"""One pose out of several hypotheses, by plain arithmetic on the raw clips.

`rule` is a protocol's word: the mean; the hypothesis that is nearest to the truth, or that of each
joint; of each joint the one whose picture is nearest to its keypoint.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.data.geometry.cameras import project
from bench.evaluation.oracle import cutting
from bench.evaluation.oracle.cutting import Float, Strip
from bench.evaluation.oracle.sight import Sight

NEAR = 1.0  # mm in front of the camera: what is nearer has no picture


def one_of(
    rule: str,
    poses: Float,
    *,
    strip: Strip,
    frames: Sequence[int],
    sight: Sight,
    counted: Sequence[int],
) -> Float:
    """(n, J, 3) of hypotheses (n, H, J, 3), mm from the root, of some frames of a strip.

    `counted` are the places of joints that tell which hypothesis is nearest.
    """
    drawn = list(np.moveaxis(poses, 1, 0))
    if rule == "mean":
        return np.asarray(sum(drawn) / len(drawn))
    true = cutting.truth(strip, frames, sight)
    if rule == "jpma":
        return _nearest(drawn, [_beside(pose, strip, frames, sight) for pose in drawn])
    errors = []
    for pose in drawn:
        # of a joint that the truth lacks all are equally far
        apart = np.sqrt((np.nan_to_num(pose - true) ** 2).sum(axis=-1))
        if rule == "best":
            whole = apart[:, list(counted)].mean(axis=1)
            apart = np.repeat(whole[:, None], apart.shape[1], axis=1)
        errors.append(apart)
    return _nearest(drawn, errors)


def _nearest(drawn: Sequence[Float], errors: Sequence[Float]) -> Float:
    """Of each joint the first hypothesis with the least error (n, J)."""
    kept, least = drawn[0].copy(), errors[0].copy()
    for pose, error in zip(drawn[1:], errors[1:], strict=True):
        nearer = error < least
        kept[nearer], least[nearer] = pose[nearer], error[nearer]
    return kept


def _beside(pose: Float, strip: Strip, frames: Sequence[int], sight: Sight) -> Float:
    """(n, J) pixels between keypoints and the picture of a pose at the true root."""
    clip = strip.clip
    assert clip.camera_pose is not None  # as without it nothing is scored
    whole = [strip.begin + frame for frame in frames]
    joints = [clip.skeleton.joints.index(joint) for joint in sight.joints]
    root = clip.skeleton.joints.index(sight.root)
    placed = pose + np.nan_to_num(clip.camera_pose[whole, root].astype(float))[:, None]
    hidden = placed[..., 2] < NEAR
    placed[..., 2] = np.maximum(placed[..., 2], NEAR)
    off = project(clip.camera, placed) - clip.keypoints[whole][:, joints]
    return np.where(hidden, np.inf, np.sqrt((off**2).sum(axis=-1)))

"""Metrics by plain arithmetic: poses (n, J, 3) of one clip in mm, in order, and their truth.

Each gives an error for each pose and joint (n, J), or for each pose (n,); fewer where the first
frames have none. What the truth lacks is NaN in both, and so is its error.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from bench.evaluation.oracle.cutting import Float

ALIGNED = 3  # joints that a pose is laid by, where some are missing
Bones = list[tuple[int, int]]  # (parent, child), places among the joints that count
Measure = Callable[[Float, Float], Float]


def size(vectors: Float) -> Float:
    """Lengths of (..., 3)."""
    return np.sqrt((vectors**2).sum(axis=-1))


def apart(pred: Float, true: Float) -> Float:
    """Distances of joints."""
    return size(pred - true)


def laid(pred: Float, true: Float, *, scaled: bool) -> Float:
    """Distances after the turn and shift, and the scale, of least squares, pose by pose."""
    middle = true.mean(axis=1, keepdims=True)
    y, x = pred - pred.mean(axis=1, keepdims=True), true - middle
    left, sizes, right = np.linalg.svd(np.swapaxes(y, 1, 2) @ x)
    # a turn and no mirror: the weakest direction is turned back where the two differ
    signs = np.ones_like(sizes)
    signs[:, 2] = np.sign(np.linalg.det(left @ right))
    turned = y @ (left * signs[:, None, :]) @ right
    if scaled:
        spread = (y * y).sum(axis=(1, 2))
        # a prediction that is one point has no size that could be scaled
        scale = (sizes * signs).sum(axis=1) / np.where(spread > 0, spread, 1.0)
        turned = scale[:, None, None] * turned
    return size(turned - x)


def among(pred: Float, true: Float, *, measure: Measure) -> Float:
    """A measure that looks at all joints of a pose, on those alone that are there.

    Poses that lack the same joints together. Fewer than three others say nothing of a pose.
    """
    here = ~np.isnan(true).any(axis=2)
    # as nearly always, and the sorting below takes its time
    if here.all():
        return measure(pred, true)
    found = np.full(here.shape, np.nan)
    for kept in np.unique(here, axis=0):
        if kept.all() or kept.sum() >= ALIGNED:
            rows = np.flatnonzero((here == kept).all(axis=1))
            part = np.ix_(rows, np.flatnonzero(kept))
            found[part] = measure(pred[part], true[part])
    return found


def scaled_alone(pred: Float, true: Float) -> Float:
    """Distances after the scale of least squares about the root."""
    square = (pred * pred).sum(axis=(1, 2))
    product = (pred * true).sum(axis=(1, 2))
    scale = product / np.where(square > 0, square, 1.0)
    return apart(scale[:, None, None] * pred, true)


def moving(pred: Float, true: Float, *, times: int) -> Float:
    """Distances of velocities, or of accelerations where differences are taken twice."""
    for _ in range(times):
        pred, true = pred[1:] - pred[:-1], true[1:] - true[:-1]
    return apart(pred, true)


def near(pred: Float, true: Float, *, thresholds: range) -> Float:
    """The share of thresholds (mm) that a joint stays strictly below, per cent."""
    distance = apart(pred, true)
    below = [distance < threshold for threshold in thresholds]
    return np.where(np.isnan(distance), np.nan, 100 * np.mean(below, axis=0))


def longer(pred: Float, true: Float, *, bones: Bones) -> Float:
    """By how much bones are too long or too short."""
    return _mean(np.abs(_bones(pred, bones) - _bones(true, bones)))


def uneven(pred: Float, true: Float, *, bones: Bones, images: Bones) -> Float:
    """By how much a bone differs from the one that a mirror shows in its place."""
    return _mean(np.abs(_bones(pred, bones) - _bones(pred, images)))


def by_file(bones: Bones, twins: list[int]) -> dict[str, tuple[Measure, int]]:
    """Each metric by its file, and how many frames it looks back.

    `twins` are the places of joints as a mirror shows them, -1 where one has no partner.
    """
    mirrored = [(twins[one], twins[other]) for one, other in bones]
    paired = [
        (bone, image)
        for bone, image in zip(bones, mirrored, strict=True)
        if image in bones and image != bone
    ]
    found: dict[str, tuple[Measure, int]] = {
        "mpjpe": (apart, 0),
        "pa_mpjpe": (partial(among, measure=partial(laid, scaled=True)), 0),
        "pa_mpjpe_rigid": (partial(among, measure=partial(laid, scaled=False)), 0),
        "n_mpjpe": (partial(among, measure=scaled_alone), 0),
        "mpjve": (partial(moving, times=1), 1),
        "acceleration": (partial(moving, times=2), 2),
        "pck150": (partial(near, thresholds=range(150, 151)), 0),
        "auc": (partial(near, thresholds=range(0, 151, 5)), 0),
    }
    if bones:
        found["bone_length"] = (partial(longer, bones=bones), 0)
    if paired:
        # each pair twice, which leaves its mean what it was
        one, other = [bone for bone, _ in paired], [image for _, image in paired]
        found["bone_symmetry"] = (partial(uneven, bones=one, images=other), 0)
    return found


def _mean(errors: Float) -> Float:
    """Of each row the mean of what is there (n,); NaN of nothing."""
    there = ~np.isnan(errors)
    total = np.where(there, errors, 0.0).sum(axis=1)
    return total / np.where(there.any(axis=1), there.sum(axis=1), np.nan)


def _bones(pose: Float, bones: Bones) -> Float:
    """Lengths (n, bones)."""
    starts, ends = zip(*bones, strict=True)
    return size(pose[:, starts, :] - pose[:, ends, :])

"""Poses as a flow of coordinates has them: flat, x0, x1, ..., y0, ..., z0, ..., and upright.

As Wehrbein et al. (ICCV 2021) prepare Human3.6M's 17 joints, or 16 without the nose: 3D poses in
metres without their root, about the mean of their joints; 2D poses of a detector's 16 joints,
about their mean and of unit spread; y up, and z towards the camera. Axes: b batch, j joints,
h hypotheses.
"""

from __future__ import annotations

import numpy as np

from models.value import Value

Array = np.ndarray
HIPS = (1, 4)  # the root, joint 0, is half-way between them
NOSE = 9  # which the 16 joints lack
# MPII's 16 joints among Human3.6M's 17, as the detector gives them
DETECTED = (3, 2, 1, 4, 5, 6, 0, 7, 8, 10, 16, 15, 14, 11, 12, 13)
FEATURES = (
    6  # of a heat map: amplitude, mean x and y, variance x, covariance, variance y
)
EXACT = 0.01  # variance of an exact detection: 2 heat map pixels, in units of 20
TO_METRES = 0.01  # such a variance as one of poses, m^2: 2 pixels are 1 cm
# variances up to here are of a detector that is certain
SURE = 1.05**2 * EXACT * TO_METRES
TURNED = np.array([[1.0], [-1.0], [-1.0]])  # the camera's y is down, its z away from it
TINY = 1e-6  # keypoints in one point have no spread to be divided by


def plane(keypoints: Value) -> Value:
    """Keypoints (b, 1, j, 2) -> the detector's joints, (b, 2, 16)."""
    g = keypoints.graph
    places = g.constant("detected", _places(keypoints.shape[2] == 16))
    pose = keypoints.take(places, axis=2).rearrange("b f j c -> b (f c) j")
    pose = pose - pose.mean(axis=2, keepdims=True)
    pose = pose * g.constant("turned_2d", TURNED[:2])
    spread = (pose * pose).mean(axis=(1, 2), keepdims=True).sqrt()
    return pose / spread.maximum(TINY)


def gaussians(pose: Value, joints: int) -> Value:
    """The heat maps of a detector that is sure of a 2D pose (b, 2, 16): (b, 13 * 6)."""
    x = pose.take(pose.graph.constant("mapped", _mapped(joints == 16)), axis=2)
    x = x.pad(axis=1, before=1, after=0, value=1.0)  # amplitude
    x = x.pad(axis=1, before=0, after=1, value=EXACT)
    x = x.pad(axis=1, before=0, after=1, value=0.0)
    x = x.pad(axis=1, before=0, after=1, value=EXACT)
    return x.rearrange("b f j -> b (j f)")


def space(target: Value) -> Value:
    """Poses (b, 1, j, 3) about their root -> (b, 3 (j - 1))."""
    pose = target.slice(axis=2, start=1, stop=target.shape[2], step=1)
    pose = pose.rearrange("b f j c -> b (f c) j")
    pose = pose - pose.mean(axis=2, keepdims=True)
    turned = pose * target.graph.constant("turned", TURNED)
    return turned.rearrange("b c j -> b (c j)")


def rooted(poses: Value) -> Value:
    """The flow's poses (b, h, 3 (j - 1)) -> (b, h, 3, j) about their root, which comes first."""
    g = poses.graph
    x = poses.rearrange("b h (c j) -> b h c j", c=3) * g.constant("turned", TURNED)
    root = _root(x)
    return root.concat(x, axis=3) - root


def detected(poses: Value) -> Value:
    """The flow's poses (b, h, 48) in the plane, joints with heat maps alone, (b, h, 2, 13)."""
    x = poses.rearrange("b h (c j) -> b h c j", c=3)
    x = x.slice(axis=2, start=0, stop=2, step=1)
    without = x.shape[3] == 15
    places = _places(without)[_mapped(without)] - 1  # the root is left out
    return (x - _root(x)).take(poses.graph.constant("spreading", places), axis=3)


def variances(heat_maps: Value) -> Value:
    """Variance x, covariance, variance y of heat maps (b, 13 * 6): (b, 3, 13), m^2."""
    said = heat_maps.rearrange("b (j f) -> b f j", f=FEATURES)
    return said.slice(axis=1, start=3, stop=FEATURES, step=1) * TO_METRES


def _root(x: Value) -> Value:
    hips = x.take(x.graph.constant("hips", np.array(HIPS) - 1), axis=3)
    return hips.mean(axis=3, keepdims=True)


def _places(without: bool) -> Array:
    """The detector's joints among 17, or among 16 without the nose."""
    order = np.array(DETECTED)
    # the head and all after it move up
    return order - (order > NOSE) if without else order


def _mapped(without: bool) -> Array:
    """Which of the detector's joints have a heat map that is looked at: not root and hips."""
    return np.flatnonzero(~np.isin(_places(without), (0, *HIPS)))

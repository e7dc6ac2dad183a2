"""What a metric may need beside predicted and true poses."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.cameras import Camera
from bench.data.geometry.skeletons import Skeleton

Array = NDArray[np.float64]
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class View:
    """What the cameras saw: keypoints (N, J, 2) pixels, true roots (N, 3) mm in the camera
    frame, and the camera of each clip number.
    """

    keypoints: Array
    roots: Array
    cameras: Mapping[int, Camera]


@dataclass(frozen=True, eq=False)
class Extras:
    """What some metrics and protocols need beside the poses; None where there is none.

    roots:    predicted and true root (N, 3) each, mm in the camera frame.
    vertices: predicted and true mesh (N, V, 3) each, mm relative to the root.
    factors:  (N,) millimetres per pixel of each pose, for a protocol of 2.5D lengths.
    view:     for a protocol that picks joints by their projection.
    """

    roots: tuple[Array, Array] | None = None
    vertices: tuple[Array, Array] | None = None
    factors: NDArray[np.floating] | None = None
    view: View | None = None


@dataclass(frozen=True, eq=False)
class Facts:
    """About a block of N poses, whose joints are those that count: `Extras` of the block,
    and

    clips: (N,) the clip of each. bones: (parent, child), places among the joints. twins:
    places of bones that mirror each other.
    """

    clips: NDArray[np.int64]
    bones: Pairs = ()
    twins: Pairs = ()
    roots: tuple[Array, Array] | None = None
    vertices: tuple[Array, Array] | None = None


@functools.cache
def bones(skeleton: Skeleton, joints: tuple[str, ...]) -> tuple[Pairs, Pairs]:
    """(bones, twins) of the bones whose two ends are both among the joints."""
    names = {
        place: joints.index(joint)
        for place, joint in enumerate(skeleton.joints)
        if joint in joints
    }
    found = [
        (parent, child)
        for parent, child in skeleton.bones
        if parent in names and child in names
    ]
    mirror = skeleton.mirror
    twins = [
        (place, found.index((mirror[a], mirror[b])))
        for place, (a, b) in enumerate(found)
        if (mirror[a], mirror[b]) in found
    ]
    return tuple((names[a], names[b]) for a, b in found), tuple(
        (a, b) for a, b in twins if a < b
    )

"""What a metric may need beside predicted and true poses."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.cameras import Camera
from bench.data.geometry.skeletons import Skeleton

Array = NDArray[np.float64]
Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class View:
    """What the cameras saw."""

    keypoints: Array  # (N, J, 2) pixels
    roots: Array  # (N, 3), the true ones, mm in the camera frame
    cameras: Mapping[int, Camera]  # of each clip number


class Surfaces(Protocol):
    """(N, V, 3), mm, of which a part is asked for at a time: an array, or what makes one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, V, 3)."""

    def __getitem__(self, span: slice, /) -> NDArray[np.floating]:
        """Those of some poses."""


@dataclass(frozen=True, eq=False)
class Extras:
    """What some metrics and protocols need beside the poses; None where there is none."""

    # predicted and true (N, 3), mm, camera frame
    roots: tuple[Array, Array] | None = None
    # predicted and true, from the root; NaN where the truth lacks a joint
    vertices: tuple[Surfaces, Surfaces] | None = None
    regressor: Array | None = None  # (J, V): joints from vertices
    factors: NDArray[np.floating] | None = None  # (N,) mm per pixel, for 2.5D lengths
    view: View | None = None  # for a protocol that picks joints by their projection


@dataclass(frozen=True, eq=False)
class Facts:
    """About a block of N poses, whose joints are those that count; the rest is as in `Extras`."""

    clips: NDArray[np.int64]  # (N,), the clip of each
    bones: Pairs = ()  # (parent, child), places among the joints
    twins: Pairs = ()  # places of bones that mirror each other
    roots: tuple[Array, Array] | None = None
    vertices: tuple[Array, Array] | None = None  # (N, V, 3)
    regressed: Array | None = None  # (N, J, 3), of the predicted vertices


# asked for with every block
@functools.cache
def bones(skeleton: Skeleton, joints: tuple[str, ...]) -> tuple[Pairs, Pairs]:
    """(bones, twins) of the bones whose two ends are both among the joints."""
    order = enumerate(skeleton.joints)
    places = {place: joints.index(joint) for place, joint in order if joint in joints}
    # by their places in the skeleton, whose mirror is known
    found = [(a, b) for a, b in skeleton.bones if a in places and b in places]
    images = [(skeleton.mirror[a], skeleton.mirror[b]) for a, b in found]
    twins = [
        (number, found.index(image))
        for number, image in enumerate(images)
        if image in found
    ]
    # each pair once; a bone of the middle is its own image
    once = tuple((one, other) for one, other in twins if one < other)
    return tuple((places[a], places[b]) for a, b in found), once

"""Which axis of a file's world is up: told from a rest pose, or guessed from motion.

The rest pose is the skeleton before any turn, so it says how the file's author had the person
stand. A pose does not: people lie down and hang. Poses have Human3.6M's 17 joints.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bench.data.geometry.skeletons import H36M17

Array = NDArray[np.float64]

LEAN = 0.7  # cosine of 45 degrees: a limb that leans further says nothing of the axis
# Turns (rows of a matrix) that bring the axis to z; none of them mirrors.
TURNS = {
    "x-up": ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
    "x-down": ((0, 1, 0), (0, 0, -1), (-1, 0, 0)),
    "y-up": ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    "y-down": ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    "z-up": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "z-down": ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
}


def of_rest(rest: Array) -> str:
    """The axis, as `TURNS` names it, along which a rest pose (17, 3) stands.

    Empty where the pose does not say: where not both legs point one way and the trunk the other,
    as with bones that all lie along one axis, or with no length.
    """
    hip = rest[H36M17.index("Hip")]
    upwards = (
        rest[H36M17.index("Head")] - hip,
        hip - rest[H36M17.index("RFoot")],
        hip - rest[H36M17.index("LFoot")],
    )
    tall = np.sum(upwards, axis=0)
    axis = int(np.abs(tall).argmax())
    for limb in upwards:
        along = limb[axis] * np.sign(tall[axis])
        # not "below": a limb without length fails as well
        if not along > LEAN * np.linalg.norm(limb):
            return ""
    return _named(tall)


def of_motion(poses: Iterable[Array]) -> str:
    """The axis along which heads are above feet in most frames of poses (frames, 17, 3)."""
    feet = H36M17.indices(("RFoot", "LFoot"))
    head = H36M17.index("Head")
    tall = [pose[:, head] - pose[:, feet].mean(axis=1) for pose in poses]
    return _named(np.median(np.concatenate(tall), axis=0))


def z_up(pose: Array, axis: str) -> Array:
    """A pose (..., 3) turned so that the axis points along z."""
    return pose @ np.array(TURNS[axis], dtype=np.float64).T


def _named(tall: Array) -> str:
    axis = int(np.abs(tall).argmax())
    return f"{'xyz'[axis]}-{'up' if tall[axis] > 0 else 'down'}"

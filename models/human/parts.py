"""A body of fewer joints: what hung on a bone that is left out goes with another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput
from models.human.rings import JOINTS, PARENTS

Array = NDArray[np.float64]
ROOT = JOINTS[PARENTS.index(-1)]


def check(joints: Sequence[str]) -> None:
    """Raise BadInput for joints that are not of Human3.6M's 17, once each and with the root."""
    if strange := [joint for joint in joints if joint not in JOINTS]:
        raise BadInput(
            f"body: joint {strange[0]} is none of a body's, which has {', '.join(JOINTS)};"
            " take a protocol of these"
        )
    if twice := [joint for joint in joints if joints.count(joint) > 1]:
        raise BadInput(f"body: joint {twice[0]} came twice; each once was due")
    if ROOT not in joints:
        raise BadInput(
            f"body: joints without {ROOT} came, which all others hang on; take a protocol that"
            " has it"
        )


def parents(joints: Sequence[str]) -> tuple[int, ...]:
    """The nearest joint above each that is kept; -1 for none."""
    found = []
    for joint in joints:
        above = PARENTS[JOINTS.index(joint)]
        while above >= 0 and JOINTS[above] not in joints:
            above = PARENTS[above]
        found.append(joints.index(JOINTS[above]) if above >= 0 else -1)
    return tuple(found)


def merged(weights: Array, joints: Sequence[str]) -> Array:
    """Weights (V, 17) as those of these joints' bones (V, J)."""
    found = np.zeros((len(weights), len(joints)))
    for place in range(len(JOINTS)):
        heir = JOINTS[_heir(place, joints)]
        found[:, joints.index(heir)] += weights[:, place]
    return found


def _heir(joint: int, joints: Sequence[str]) -> int:
    """Itself or the first below it that is kept; where a limb has none, of the joint above."""
    # the root is kept, and so this ends
    while (found := _kept(joint, joints)) is None:
        joint = PARENTS[joint]
    return found


def _kept(joint: int, joints: Sequence[str]) -> int | None:
    """Itself or the first below it that is kept."""
    if JOINTS[joint] in joints:
        return joint
    for child, parent in enumerate(PARENTS):
        if parent == joint and (found := _kept(child, joints)) is not None:
            return found
    return None

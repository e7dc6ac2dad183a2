"""A body of fewer joints: what hung on a bone that is left out goes with another one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.errors import BadInput
from models.human.cage import JOINTS, PARENTS

Array = NDArray[np.float64]


def check(joints: Sequence[str]) -> None:
    """Raise BadInput for a joint that a body of Human3.6M's 17 lacks."""
    if strange := [joint for joint in joints if joint not in JOINTS]:
        raise BadInput(
            f"body: joint {strange[0]} is none of a body's, which has {', '.join(JOINTS)};"
            " take a protocol of these"
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
    for place, joint in enumerate(JOINTS):
        heir = joint
        while heir not in joints:
            heir = _heir(JOINTS.index(heir))
        found[:, joints.index(heir)] += weights[:, place]
    return found


def _heir(joint: int) -> str:
    """The first child, or the parent at the end of a limb."""
    children = [child for child, parent in enumerate(PARENTS) if parent == joint]
    return JOINTS[children[0] if children else PARENTS[joint]]

"""Seven directions in which the built-in body differs from one person to the next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.human.cage import ACROSS, Cage
from models.human.rings import JOINTS, PARENTS, REST

Array = NDArray[np.float64]

# the bones, by the joints at their ends, that each of them makes longer
LONGER = {
    "arms": ("Elbow", "Wrist"),
    "legs": ("Knee", "Foot"),
    "shoulders": ("Shoulder",),
    "hips": ("Hip",),
}
NAMES = ("height", "girth", *LONGER, "head")
SIZE = 0.1  # one unit is a tenth: about two deviations of adults


def directions(cage: Cage) -> Array:
    """(7, C, 3): what one unit of each adds to the cage, metres."""
    found = [cage.points, cage.points - _on_bones(cage.points)]
    found += [_stretched(cage, ends) for ends in LONGER.values()]
    share = cage.weights[:, JOINTS.index("Head")]
    found.append(share[:, None] * (cage.points - REST[JOINTS.index("Neck/Nose")]))
    return SIZE * np.stack(found)


def _stretched(cage: Cage, ends: tuple[str, ...]) -> Array:
    """What these bones of both sides add when they are longer, and carry what hangs on them."""
    moved = np.zeros_like(REST)
    found = np.zeros_like(cage.points)
    for bone, start in enumerate(PARENTS):
        begin = max(start, 0)
        along = REST[bone] - REST[begin]
        axis = along / (np.linalg.norm(along) or 1.0)
        named = JOINTS[bone][1:]
        if start < 0:
            # from hip to hip, for what goes with the root
            axis, named = ACROSS, "Hip"
        stretch = np.outer(axis, axis) * (named in ends)
        moved[bone] = moved[begin] + stretch @ along
        away = cage.points - REST[begin]
        share = cage.weights[:, bone, None]
        found += share * (moved[begin] + away @ stretch)
    return found


def _on_bones(points: Array) -> Array:
    """The place on any bone that is nearest to each point."""
    found = np.empty((len(PARENTS) - 1, *points.shape))
    for bone, start in enumerate(PARENTS[1:], start=1):
        along = REST[bone] - REST[start]
        share = np.clip(
            (points - REST[start]) @ along / (along @ along),
            0,
            1,
        )
        found[bone - 1] = REST[start] + share[:, None] * along
    nearest = np.linalg.norm(found - points, axis=-1).argmin(axis=0)
    chosen: Array = found[nearest, np.arange(len(points))]
    return chosen

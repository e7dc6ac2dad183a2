"""Body: what a loss may know of the skeleton besides the poses: which joints, joined how."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.errors import BadInput


@dataclass(frozen=True, kw_only=True)
class Body:
    """Joints in array order, bones between them, and how much each joint counts.

    Raises BadInput where the three do not belong together.
    """

    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]  # (parent, child), places in `joints`
    weights: tuple[float, ...] | None = None  # one for each joint; None: all alike

    def __post_init__(self) -> None:
        places = range(len(self.joints))
        # -1 would be the last joint to NumPy, and no joint to a graph
        for bone in self.bones:
            if len(bone) != 2 or not all(joint in places for joint in bone):
                raise BadInput(
                    f"body: bone {bone} was given; a bone is a pair of places from 0 to"
                    f" {len(self.joints) - 1}"
                )
        if self.weights is None:
            return
        if len(self.weights) != len(self.joints):
            raise BadInput(
                f"body: {len(self.weights)} weights came for {len(self.joints)} joints; give"
                " one for each, or None"
            )
        # a negative weight would reward error
        if not all(math.isfinite(weight) and weight >= 0 for weight in self.weights):
            raise BadInput(
                f"body: weights {self.weights}; numbers of 0 or more were due"
            )


# Human3.6M's 17 joints, as papers on lifting order them
H36M_17 = Body(
    joints=(
        *("Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot"),
        *("Spine", "Thorax", "Neck/Nose", "Head"),
        *("LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist"),
    ),
    bones=(
        *((0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6)),
        *((0, 7), (7, 8), (8, 9), (9, 10)),
        *((8, 11), (11, 12), (12, 13), (8, 14), (14, 15), (15, 16)),
    ),
)

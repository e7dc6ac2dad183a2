"""Body: what networks and losses may know of a person besides the poses: joints, bones, surface."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.errors import BadInput

if TYPE_CHECKING:
    from models.mesh import Mesh


@dataclass(frozen=True, kw_only=True)
class Body:
    """Joints in array order, bones between them, how much each joint counts, and the surface.

    Raises BadInput where they do not belong together.
    """

    joints: tuple[str, ...]
    bones: tuple[tuple[int, int], ...]  # (parent, child), places in `joints`
    weights: tuple[float, ...] | None = None  # one for each joint; None: all alike
    mesh: Mesh | None = None  # of these joints; None where no model asked for one

    def __post_init__(self) -> None:
        places = range(len(self.joints))
        # -1 would be the last joint to NumPy, and no joint to a graph
        for bone in self.bones:
            if len(bone) != 2 or not all(joint in places for joint in bone):
                raise BadInput(
                    f"body: bone {bone} was given; a bone is a pair of places from 0 to"
                    f" {len(self.joints) - 1}"
                )
        if self.mesh is not None and len(self.mesh.parents) != len(self.joints):
            raise BadInput(
                f"body: a mesh of {len(self.mesh.parents)} joints came for {len(self.joints)};"
                " give one whose regressor makes these"
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

"""Skeletons: which joint is where in an array, who is whose parent, and who swaps places in a mirror.

The 17-joint order is the one of VideoPose3D's Human3.6M archives; the 16-joint set leaves out the neck/nose, as
Martinez et al. (2017) did, and hangs the head on the thorax.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import BadInput, UnknownName


@dataclass(frozen=True)
class Skeleton:
    """Joints in array order. `parents[i]` is an index, -1 at the root; `left[k]` and `right[k]` mirror each other.

    Raises BadInput when names repeat, lengths differ or a pair list is uneven.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints) or len(self.parents) != len(self.joints):
            raise BadInput(
                f"skeleton {self.name}: {len(self.joints)} joints with {len(self.parents)} parents: give each joint one name and one parent"
            )
        if len(self.left) != len(self.right):
            raise BadInput(f"skeleton {self.name}: {len(self.left)} left against {len(self.right)} right joints: give them in pairs")

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs, in joint order."""
        return tuple((parent, child) for child, parent in enumerate(self.parents) if parent >= 0)

    @property
    def mirror(self) -> tuple[int, ...]:
        """Permutation that swaps left and right: `pose[..., mirror, :]`."""
        swap = dict(zip(self.left + self.right, self.right + self.left, strict=True))
        return tuple(swap.get(joint, joint) for joint in range(len(self.joints)))

    def index(self, joint: str) -> int:
        """Place of a joint in the arrays. Raises UnknownName."""
        if joint not in self.joints:
            raise UnknownName(f"joint of skeleton {self.name}", joint, self.joints)
        return self.joints.index(joint)

    def indices(self, joints: Iterable[str]) -> tuple[int, ...]:
        """Places of several joints, in the order asked. Raises UnknownName."""
        return tuple(self.index(joint) for joint in joints)


def subset(skeleton: Skeleton, name: str, joints: tuple[str, ...]) -> Skeleton:
    """Keep the named joints in the order given; a kept joint hangs on its nearest kept ancestor. Raises UnknownName."""
    kept = skeleton.indices(joints)
    new = {old: place for place, old in enumerate(kept)}

    def nearest(joint: int) -> int:
        parent = skeleton.parents[joint]
        while parent >= 0 and parent not in new:
            parent = skeleton.parents[parent]
        return new.get(parent, -1)

    pairs = [(new[a], new[b]) for a, b in zip(skeleton.left, skeleton.right, strict=True) if a in new and b in new]
    return Skeleton(name, joints, tuple(map(nearest, kept)), tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


H36M17 = Skeleton(
    name="h36m17",
    joints=(
        *("Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot", "Spine", "Thorax", "Neck/Nose", "Head"),
        *("LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist"),
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
    left=(4, 5, 6, 11, 12, 13),
    right=(1, 2, 3, 14, 15, 16),
)
H36M16 = subset(H36M17, "h36m16", tuple(joint for joint in H36M17.joints if joint != "Neck/Nose"))

SKELETONS = {skeleton.name: skeleton for skeleton in (H36M17, H36M16)}


def load(name: str) -> Skeleton:
    """A skeleton by name. Raises UnknownName."""
    if name not in SKELETONS:
        raise UnknownName("skeleton", name, SKELETONS)
    return SKELETONS[name]

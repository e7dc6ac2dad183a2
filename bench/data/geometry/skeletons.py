"""Skeletons: which joint is where in an array, who is whose parent, and who swaps places in
a mirror.

| name    | order as in                                                                                       |
| h36m17  | VideoPose3D's Human3.6M archives, MotionBERT, mmpose; RFoot and LFoot are the ankles              |
| h36m16  | h36m17 without the neck/nose, as Martinez et al. (2017) use it; the head hangs on the thorax      |
| h36m32  | the full Human3.6M recordings; the 15 joints h36m17 lacks are static ends or repeat another joint |
| coco17  | COCO key points; a detection has no root, so the tree starts at the nose                          |
| mpii16  | MPII, stacked hourglass                                                                           |
| dhp28   | MPI-INF-3DHP training annotations (`annot.mat`)                                                   |
| dhp17   | MPI-INF-3DHP test annotations, and the archives of P-STMO and D3DP                                |
| smpl24  | SMPL's joints (Loper et al. 2015); amass22 is the first 22, which SMPL-H and AMASS share          |

A joint of one name is one place of the body, but where it lies to the centimetre is each
data set's own affair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import BadInput, UnknownName


@dataclass(frozen=True)
class Skeleton:
    """Joints in array order. `parents[i]` is an index, -1 at the root; `left[k]` and
    `right[k]` mirror each other.

    Raises BadInput when names repeat, lengths differ, a pair list is uneven, or an index is
    not a joint's.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(set(self.joints)) != len(self.joints) or len(self.parents) != len(
            self.joints
        ):
            raise BadInput(
                f"skeleton {self.name}: {len(self.joints)} joints with {len(self.parents)}"
                " parents: give each joint one name and one parent"
            )
        if len(self.left) != len(self.right):
            raise BadInput(
                f"skeleton {self.name}: {len(self.left)} left against {len(self.right)}"
                " right joints: give them in pairs"
            )
        places = range(len(self.joints))
        wrong = next(
            (
                place
                for place in (*self.left, *self.right, *self.parents)
                if place not in places and place != -1
            ),
            None,
        )
        if wrong is not None or -1 in self.left + self.right:
            raise BadInput(
                f"skeleton {self.name}: index {-1 if wrong is None else wrong} is no joint;"
                f" 0 to {len(places) - 1} was due"
            )

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(left, right) index pairs of the joints that mirror each other."""
        return tuple(zip(self.left, self.right, strict=True))

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs, in joint order."""
        return tuple(
            (parent, child) for child, parent in enumerate(self.parents) if parent >= 0
        )

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
    """Keep the named joints in the order given; a kept joint hangs on its nearest kept
    ancestor. Raises UnknownName.
    """
    kept = skeleton.indices(joints)
    new = {old: place for place, old in enumerate(kept)}

    def nearest(joint: int) -> int:
        parent = skeleton.parents[joint]
        while parent >= 0 and parent not in new:
            parent = skeleton.parents[parent]
        return new.get(parent, -1)

    pairs = [
        (new[a], new[b])
        for a, b in zip(skeleton.left, skeleton.right, strict=True)
        if a in new and b in new
    ]
    return Skeleton(
        name,
        joints,
        tuple(map(nearest, kept)),
        tuple(a for a, _ in pairs),
        tuple(b for _, b in pairs),
    )


def paired(name: str, joints: tuple[str, ...], parents: tuple[int, ...]) -> Skeleton:
    """A skeleton whose joints pair up by name: LKnee with RKnee."""
    lefts = [
        place
        for place, joint in enumerate(joints)
        if joint[0] == "L" and f"R{joint[1:]}" in joints
    ]
    return Skeleton(
        name,
        joints,
        parents,
        tuple(lefts),
        tuple(joints.index(f"R{joints[place][1:]}") for place in lefts),
    )


H36M17 = paired(
    "h36m17",
    (
        *(
            "Hip",
            "RHip",
            "RKnee",
            "RFoot",
            "LHip",
            "LKnee",
            "LFoot",
            "Spine",
            "Thorax",
            "Neck/Nose",
            "Head",
        ),
        *("LShoulder", "LElbow", "LWrist", "RShoulder", "RElbow", "RWrist"),
    ),
    (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
)
H36M16 = subset(
    H36M17, "h36m16", tuple(joint for joint in H36M17.joints if joint != "Neck/Nose")
)
H36M32 = paired(
    "h36m32",
    (
        *(
            "Hip",
            "RHip",
            "RKnee",
            "RFoot",
            "RToe",
            "RToeEnd",
            "LHip",
            "LKnee",
            "LFoot",
            "LToe",
            "LToeEnd",
        ),
        *("SpineBase", "Spine", "Thorax", "Neck/Nose", "Head"),
        *(
            "LClavicle",
            "LShoulder",
            "LElbow",
            "LWrist",
            "LThumb",
            "LThumbEnd",
            "LHand",
            "LHandEnd",
        ),
        *(
            "RClavicle",
            "RShoulder",
            "RElbow",
            "RWrist",
            "RThumb",
            "RThumbEnd",
            "RHand",
            "RHandEnd",
        ),
    ),
    (
        -1,
        0,
        1,
        2,
        3,
        4,
        0,
        6,
        7,
        8,
        9,
        0,
        11,
        12,
        13,
        14,
        12,
        16,
        17,
        18,
        19,
        20,
        19,
        22,
        12,
        24,
        25,
        26,
        27,
        28,
        27,
        30,
    ),
)
COCO17 = paired(
    "coco17",
    (
        *(
            "Nose",
            "LEye",
            "REye",
            "LEar",
            "REar",
            "LShoulder",
            "RShoulder",
            "LElbow",
            "RElbow",
            "LWrist",
            "RWrist",
        ),
        *("LHip", "RHip", "LKnee", "RKnee", "LAnkle", "RAnkle"),
    ),
    (-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
)
MPII16 = paired(
    "mpii16",
    (
        *(
            "RAnkle",
            "RKnee",
            "RHip",
            "LHip",
            "LKnee",
            "LAnkle",
            "Pelvis",
            "Thorax",
            "UpperNeck",
            "HeadTop",
        ),
        *("RWrist", "RElbow", "RShoulder", "LShoulder", "LElbow", "LWrist"),
    ),
    (1, 2, 6, 6, 3, 4, -1, 6, 7, 8, 11, 12, 7, 7, 13, 14),
)
DHP28 = paired(
    "dhp28",
    (
        *("Spine3", "Spine4", "Spine2", "Spine", "Pelvis", "Neck", "Head", "HeadTop"),
        *(
            "LClavicle",
            "LShoulder",
            "LElbow",
            "LWrist",
            "LHand",
            "RClavicle",
            "RShoulder",
            "RElbow",
            "RWrist",
            "RHand",
        ),
        *(
            "LHip",
            "LKnee",
            "LAnkle",
            "LFoot",
            "LToe",
            "RHip",
            "RKnee",
            "RAnkle",
            "RFoot",
            "RToe",
        ),
    ),
    (
        2,
        0,
        3,
        4,
        -1,
        1,
        5,
        6,
        5,
        8,
        9,
        10,
        11,
        5,
        13,
        14,
        15,
        16,
        4,
        18,
        19,
        20,
        21,
        4,
        23,
        24,
        25,
        26,
    ),
)
DHP17 = subset(
    DHP28,
    "dhp17",
    tuple(
        DHP28.joints[place]
        for place in (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)
    ),
)
SMPL24 = paired(
    "smpl24",
    (
        *(
            "Pelvis",
            "LHip",
            "RHip",
            "Spine1",
            "LKnee",
            "RKnee",
            "Spine2",
            "LAnkle",
            "RAnkle",
            "Spine3",
            "LFoot",
            "RFoot",
        ),
        *(
            "Neck",
            "LCollar",
            "RCollar",
            "Head",
            "LShoulder",
            "RShoulder",
            "LElbow",
            "RElbow",
            "LWrist",
            "RWrist",
            "LHand",
            "RHand",
        ),
    ),
    (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)
AMASS22 = subset(SMPL24, "amass22", SMPL24.joints[:22])

SKELETONS = {
    each.name: each
    for each in (H36M17, H36M16, H36M32, COCO17, MPII16, DHP28, DHP17, SMPL24, AMASS22)
}


def load(name: str) -> Skeleton:
    """A skeleton by name. Raises UnknownName."""
    if name not in SKELETONS:
        raise UnknownName("skeleton", name, SKELETONS)
    return SKELETONS[name]

"""Skeletons: which joint is where in an array, whose child it is, and whom it mirrors.

| name   | order as in                                                                       |
| h36m17 | VideoPose3D's Human3.6M archives, MotionBERT, mmpose; RFoot and LFoot are ankles  |
| h36m16 | h36m17 without the neck/nose (Martinez et al. 2017); the head hangs on the thorax |
| h36m32 | the full Human3.6M recordings; the 15 joints that h36m17 lacks are static ends or |
|        | repeat another joint                                                              |
| coco17 | COCO key points; a detection has no root, so the tree starts at the nose          |
| mpii16 | MPII, stacked hourglass                                                           |
| dhp28  | MPI-INF-3DHP training annotations (`annot.mat`)                                   |
| dhp17  | MPI-INF-3DHP test annotations, and the archives of P-STMO and D3DP                |
| smpl24 | SMPL's joints (Loper et al. 2015)                                                 |
| amass22| the first 22 of smpl24, which SMPL-H and AMASS share                              |

A joint of one name is one place of the body, but where it lies to the centimetre is each data set's
own affair. How poses of one skeleton become another's is in `conversions.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import BadInput, UnknownName


@dataclass(frozen=True)
class Skeleton:
    """Joints in array order; `parents[i]` is an index, -1 at the root.

    `left[k]` and `right[k]` mirror each other. Raises BadInput when names repeat, lengths differ,
    a pair list is uneven, or an index is not a joint's.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]

    def __post_init__(self) -> None:
        count = len(self.joints)
        if len(set(self.joints)) != count or len(self.parents) != count:
            raise BadInput(
                f"skeleton {self.name}: {count} joints with {len(self.parents)} parents:"
                " give each joint one name and one parent"
            )
        if len(self.left) != len(self.right):
            raise BadInput(
                f"skeleton {self.name}: {len(self.left)} left against {len(self.right)}"
                " right joints: give them in pairs"
            )
        # -1 stands for "no parent", so it is right among the parents and nowhere else
        stray = [place for place in self.left + self.right if not 0 <= place < count]
        stray += [place for place in self.parents if not -1 <= place < count]
        if stray:
            raise BadInput(
                f"skeleton {self.name}: index {stray[0]} is no joint; 0 to {count - 1} was due"
            )

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """(left, right) index pairs of the joints that mirror each other."""
        return tuple(zip(self.left, self.right, strict=True))

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs, in joint order."""
        bones = ((parent, child) for child, parent in enumerate(self.parents))
        return tuple((parent, child) for parent, child in bones if parent >= 0)

    @property
    def mirror(self) -> tuple[int, ...]:
        """Permutation that swaps left and right: `pose[..., mirror, :]`."""
        swap = dict(zip(self.left + self.right, self.right + self.left, strict=True))
        # joints of the middle have no partner and stay
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
    """Keep the named joints, in the order given. Raises UnknownName.

    A kept joint hangs on its nearest kept ancestor.
    """
    kept = skeleton.indices(joints)
    new = {old: place for place, old in enumerate(kept)}

    def nearest(joint: int) -> int:
        parent = skeleton.parents[joint]
        while parent >= 0 and parent not in new:
            parent = skeleton.parents[parent]
        # -1 where no ancestor is kept: the joint becomes the root
        return new.get(parent, -1)

    # a joint whose partner is dropped has no mirror image any more
    pairs = [(new[a], new[b]) for a, b in skeleton.pairs if a in new and b in new]
    left = tuple(a for a, _ in pairs)
    right = tuple(b for _, b in pairs)
    return Skeleton(name, joints, tuple(map(nearest, kept)), left, right)


def paired(name: str, joints: tuple[str, ...], parents: tuple[int, ...]) -> Skeleton:
    """A skeleton whose joints pair up by name: LKnee with RKnee."""
    # the letter alone would not do: a joint named "Lumbar" has no "Rumbar"
    lefts = [joint for joint in joints if joint[0] == "L" and f"R{joint[1:]}" in joints]
    left = tuple(joints.index(joint) for joint in lefts)
    right = tuple(joints.index(f"R{joint[1:]}") for joint in lefts)
    return Skeleton(name, joints, parents, left, right)


def _tree(name: str, text: str) -> Skeleton:
    """A skeleton written as `Joint<Parent` in array order; the root has no parent."""
    rows = [entry.partition("<") for entry in text.split()]
    joints = tuple(joint for joint, _, _ in rows)
    # parents may come later in the array, as the knee of MPII comes after the ankle
    places = {joint: place for place, joint in enumerate(joints)} | {"": -1}
    return paired(name, joints, tuple(places[parent] for _, _, parent in rows))


H36M17 = _tree(
    "h36m17",
    """
    Hip
    RHip<Hip  RKnee<RHip  RFoot<RKnee
    LHip<Hip  LKnee<LHip  LFoot<LKnee
    Spine<Hip  Thorax<Spine  Neck/Nose<Thorax  Head<Neck/Nose
    LShoulder<Thorax  LElbow<LShoulder  LWrist<LElbow
    RShoulder<Thorax  RElbow<RShoulder  RWrist<RElbow
    """,
)
H36M16 = subset(
    H36M17,
    "h36m16",
    tuple(joint for joint in H36M17.joints if joint != "Neck/Nose"),
)
# the clavicles hang on the spine here, as the recordings and VideoPose3D have them
H36M32 = _tree(
    "h36m32",
    """
    Hip
    RHip<Hip  RKnee<RHip  RFoot<RKnee  RToe<RFoot  RToeEnd<RToe
    LHip<Hip  LKnee<LHip  LFoot<LKnee  LToe<LFoot  LToeEnd<LToe
    SpineBase<Hip  Spine<SpineBase  Thorax<Spine  Neck/Nose<Thorax  Head<Neck/Nose
    LClavicle<Spine  LShoulder<LClavicle  LElbow<LShoulder  LWrist<LElbow
    LThumb<LWrist  LThumbEnd<LThumb  LHand<LWrist  LHandEnd<LHand
    RClavicle<Spine  RShoulder<RClavicle  RElbow<RShoulder  RWrist<RElbow
    RThumb<RWrist  RThumbEnd<RThumb  RHand<RWrist  RHandEnd<RHand
    """,
)
COCO17 = _tree(
    "coco17",
    """
    Nose
    LEye<Nose  REye<Nose  LEar<LEye  REar<REye
    LShoulder<Nose  RShoulder<Nose
    LElbow<LShoulder  RElbow<RShoulder  LWrist<LElbow  RWrist<RElbow
    LHip<LShoulder  RHip<RShoulder
    LKnee<LHip  RKnee<RHip  LAnkle<LKnee  RAnkle<RKnee
    """,
)
MPII16 = _tree(
    "mpii16",
    """
    RAnkle<RKnee  RKnee<RHip  RHip<Pelvis
    LHip<Pelvis  LKnee<LHip  LAnkle<LKnee
    Pelvis  Thorax<Pelvis  UpperNeck<Thorax  HeadTop<UpperNeck
    RWrist<RElbow  RElbow<RShoulder  RShoulder<Thorax
    LShoulder<Thorax  LElbow<LShoulder  LWrist<LElbow
    """,
)
DHP28 = _tree(
    "dhp28",
    """
    Spine3<Spine2  Spine4<Spine3  Spine2<Spine  Spine<Pelvis
    Pelvis  Neck<Spine4  Head<Neck  HeadTop<Head
    LClavicle<Neck  LShoulder<LClavicle  LElbow<LShoulder  LWrist<LElbow  LHand<LWrist
    RClavicle<Neck  RShoulder<RClavicle  RElbow<RShoulder  RWrist<RElbow  RHand<RWrist
    LHip<Pelvis  LKnee<LHip  LAnkle<LKnee  LFoot<LAnkle  LToe<LFoot
    RHip<Pelvis  RKnee<RHip  RAnkle<RKnee  RFoot<RAnkle  RToe<RFoot
    """,
)
# in the order of the test set; the training annotations have the same joints elsewhere
_DHP17 = """
    HeadTop Neck RShoulder RElbow RWrist LShoulder LElbow LWrist
    RHip RKnee RAnkle LHip LKnee LAnkle Pelvis Spine Head
"""
DHP17 = subset(DHP28, "dhp17", tuple(_DHP17.split()))
SMPL24 = _tree(
    "smpl24",
    """
    Pelvis
    LHip<Pelvis  RHip<Pelvis  Spine1<Pelvis
    LKnee<LHip  RKnee<RHip  Spine2<Spine1
    LAnkle<LKnee  RAnkle<RKnee  Spine3<Spine2
    LFoot<LAnkle  RFoot<RAnkle
    Neck<Spine3  LCollar<Spine3  RCollar<Spine3  Head<Neck
    LShoulder<LCollar  RShoulder<RCollar  LElbow<LShoulder  RElbow<RShoulder
    LWrist<LElbow  RWrist<RElbow  LHand<LWrist  RHand<RWrist
    """,
)
# the hands are SMPL's last two; SMPL-H has fingers in their place
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

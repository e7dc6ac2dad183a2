"""Poses of one skeleton as another.

Every conversion is a named rule: a table that makes each joint of the target a weighted sum of the
source's, and the weights sum to one. What skeletons there are is in `skeletons.py`.

A rule that only picks or averages joints serves 2D as well as 3D. SMPL's rule extrapolates
the top of the head, which SMPL has no joint for. Where no single rule joins two skeletons,
the shortest chain of rules does (`rules`).
"""

from __future__ import annotations

import dataclasses
import functools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.clip import Clip
from bench.data.geometry import skeletons
from bench.data.geometry.skeletons import (
    AMASS22,
    COCO17,
    DHP17,
    DHP28,
    H36M16,
    H36M17,
    H36M32,
    MPII16,
    SMPL24,
    Skeleton,
)
from models.errors import BadInput, UnknownName

Array = NDArray[np.floating]
Weights = Mapping[str, float]  # source joint -> its share


@dataclass(frozen=True, eq=False)
class Rule:
    """Each joint of `target` as a weighted sum of joints of `source`.

    `origin` says whose convention it is.
    Raises BadInput when a joint of the target is missing from the table or its weights do
    not sum to one, UnknownName for a joint.
    """

    name: str
    source: Skeleton
    target: Skeleton
    table: Mapping[str, Weights]
    origin: str

    def __post_init__(self) -> None:
        if set(self.table) != set(self.target.joints):
            raise BadInput(
                f"rule {self.name}: the table must name exactly the"
                f" {len(self.target.joints)} joints of {self.target.name}"
            )
        # with another sum a pose would move when its origin does
        if not np.allclose(self.matrix.sum(axis=1), 1.0):
            raise BadInput(
                f"rule {self.name}: the weights of every joint must sum to one"
            )

    @functools.cached_property
    def matrix(self) -> NDArray[np.float64]:
        """(target joints, source joints): converted = matrix @ points."""
        matrix = np.zeros((len(self.target.joints), len(self.source.joints)))
        for row, joint in enumerate(self.target.joints):
            for part, weight in self.table[joint].items():
                matrix[row, self.source.index(part)] = weight
        return matrix


def _mean(*joints: str) -> Weights:
    return {joint: 1 / len(joints) for joint in joints}


def _same(*joints: str) -> dict[str, Weights]:
    return {joint: {joint: 1.0} for joint in joints}


def _sided(**names: str) -> dict[str, Weights]:
    """Foot="Ankle" -> LFoot from LAnkle and RFoot from RAnkle."""
    return {
        f"{side}{mine}": {f"{side}{theirs}": 1.0}
        for mine, theirs in names.items()
        for side in "LR"
    }


def _inverse(table: Mapping[str, Weights]) -> dict[str, Weights]:
    """The way back of a table that only renames."""
    return {next(iter(weights)): {joint: 1.0} for joint, weights in table.items()}


_ARMS = _sided(Shoulder="Shoulder", Elbow="Elbow", Wrist="Wrist")
_LEGS = _sided(Hip="Hip", Knee="Knee", Foot="Ankle")

_COCO_H36M = {
    **_ARMS,
    **_LEGS,
    # COCO has no joint of the trunk: these are means of those around it
    "Hip": _mean("LHip", "RHip"),
    "Spine": _mean("LHip", "RHip", "LShoulder", "RShoulder"),
    "Thorax": _mean("LShoulder", "RShoulder"),
    "Neck/Nose": {"Nose": 1.0},
    "Head": _mean("LEye", "REye"),
}
_MPII_H36M = {
    **_ARMS,
    **_LEGS,
    "Hip": {"Pelvis": 1.0},
    "Spine": _mean("Pelvis", "Thorax"),
    "Thorax": {"Thorax": 1.0},
    "Neck/Nose": {"UpperNeck": 1.0},
    "Head": {"HeadTop": 1.0},
}
_HOURGLASS = {
    **_ARMS,
    **_LEGS,
    # each joint of the trunk is the one above that anatomy would give: the network learnt it so
    "Hip": {"Pelvis": 1.0},
    "Spine": {"Thorax": 1.0},
    "Thorax": {"UpperNeck": 1.0},
    "Head": {"HeadTop": 1.0},
}
_DHP_H36M = {
    **_ARMS,
    **_LEGS,
    "Hip": {"Pelvis": 1.0},
    "Spine": {"Spine": 1.0},
    "Thorax": {"Neck": 1.0},
    "Neck/Nose": {"Head": 1.0},
    "Head": {"HeadTop": 1.0},
}
_SMPL_H36M = {
    **_ARMS,
    **_LEGS,
    "Hip": {"Pelvis": 1.0},
    "Spine": {"Spine2": 1.0},
    "Thorax": {"Neck": 1.0},
    "Neck/Nose": {"Head": 1.0},
    # SMPL's head joint is the skull's base, as far from the crown as from the neck
    "Head": {"Head": 2.0, "Neck": -1.0},
}
# the spine is a mean and has no inverse
_RENAMED = {joint: weights for joint, weights in _MPII_H36M.items() if joint != "Spine"}
_H36M_MPII = _inverse(_RENAMED)

# where two chains of rules are equally long, the one whose rules stand earlier is taken
_TABLE = (
    Rule(
        "h36m32-h36m17",
        H36M32,
        H36M17,
        _same(*H36M17.joints),
        "VideoPose3D: the 15 static joints left out",
    ),
    Rule(
        "h36m17-h36m16",
        H36M17,
        H36M16,
        _same(*H36M16.joints),
        "Martinez et al. (2017): the neck/nose left out",
    ),
    Rule(
        "coco17-h36m17",
        COCO17,
        H36M17,
        _COCO_H36M,
        "MotionBERT, in-the-wild inference",
    ),
    Rule(
        "mpii16-h36m17",
        MPII16,
        H36M17,
        _MPII_H36M,
        "by anatomy; the spine is half-way from pelvis to thorax",
    ),
    Rule(
        "h36m17-mpii16",
        H36M17,
        MPII16,
        _H36M_MPII,
        "by anatomy; the spine is dropped",
    ),
    Rule(
        "dhp28-dhp17",
        DHP28,
        DHP17,
        _same(*DHP17.joints),
        "P-STMO's picks from the training annotations",
    ),
    Rule(
        "dhp17-h36m17",
        DHP17,
        H36M17,
        _DHP_H36M,
        "MotionAGFormer; a renaming",
    ),
    Rule(
        "h36m17-dhp17",
        H36M17,
        DHP17,
        _inverse(_DHP_H36M),
        "the way back of dhp17-h36m17",
    ),
    Rule(
        "smpl24-amass22",
        SMPL24,
        AMASS22,
        _same(*AMASS22.joints),
        "SMPL without its hands, as SMPL-H's body",
    ),
    Rule(
        "amass22-h36m17",
        AMASS22,
        H36M17,
        _SMPL_H36M,
        "by anatomy, from joints alone; the mesh regressor's hips lie further out",
    ),
)
RULES = {rule.name: rule for rule in _TABLE}
# taken only where it is named: true of one detector, and wrong for MPII's own annotations
_DETECTOR = Rule(
    "hourglass",
    MPII16,
    H36M16,
    _HOURGLASS,
    "Martinez et al. (2017), for a detector fine-tuned on Human3.6M",
)
ASKED = {_DETECTOR.name: _DETECTOR}


@functools.lru_cache(maxsize=128)
def rules(from_name: str, to_name: str) -> tuple[Rule, ...]:
    """The shortest chain of rules between two skeletons; empty for a skeleton and itself.

    Raises UnknownName for a skeleton and BadInput where no chain of rules joins the two.
    """
    start, goal = skeletons.load(from_name).name, skeletons.load(to_name).name
    # breadth first: whatever is reached is reached by the fewest rules, each of which loses joints
    found: dict[str, tuple[Rule, ...]] = {start: ()}
    queue = deque([start])
    while queue and goal not in found:
        here = queue.popleft()
        for rule in RULES.values():
            if rule.source.name == here and rule.target.name not in found:
                found[rule.target.name] = (*found[here], rule)
                queue.append(rule.target.name)
    if goal not in found:
        reach = ", ".join(name for name in found if name != start) or "none"
        raise BadInput(
            f"no rule makes {goal} of {start}: it lacks joints of it; {start} can become:"
            f" {reach}"
        )
    return found[goal]


def convert(
    points: Array,
    from_name: str,
    to_name: str,
    *,
    rule: str | None = None,
) -> Array:
    """Points (..., joints, channels) of one skeleton as another's, dtype kept.

    By a named rule, or by the default chain.

    Raises UnknownName for a skeleton or rule, BadInput for a wrong joint count or where no
    rule joins the two.
    """
    return _apply(_matrix(from_name, to_name, rule), points, from_name)


def convert_confidence(
    confidence: Array,
    from_name: str,
    to_name: str,
    *,
    rule: str | None = None,
) -> Array:
    """Confidences (..., joints): a joint made of several is as sure as the least sure of them.

    So a missed one, of confidence 0, stays missed. Raises as `convert` does.
    """
    matrix = _matrix(from_name, to_name, rule)
    _count(confidence.shape[-1:], matrix, from_name)
    least = [confidence[..., np.flatnonzero(row)].min(axis=-1) for row in matrix]
    return np.stack(least, axis=-1)


def convert_clip(clip: Clip, to_name: str, *, rule: str | None = None) -> Clip:
    """The clip with another skeleton, 2D, confidence and 3D alike.

    Raises as `convert` does.
    """
    start = clip.skeleton.name
    if start == to_name:
        return clip
    converted: dict[str, Any] = {}
    for name in ("keypoints", "camera_pose", "world_pose"):
        pose = getattr(clip, name)
        converted[name] = (
            None if pose is None else convert(pose, start, to_name, rule=rule)
        )
    confidence = convert_confidence(clip.confidence, start, to_name, rule=rule)
    return dataclasses.replace(
        clip,
        skeleton=skeletons.load(to_name),
        confidence=confidence,
        **converted,
    )


# every clip of a source asks for the same few
@functools.lru_cache(maxsize=128)
def _matrix(from_name: str, to_name: str, rule: str | None) -> NDArray[np.float64]:
    """(target joints, source joints) of a named rule, or of the default chain."""
    if rule is None:
        chain = rules(from_name, to_name)
    else:
        chain = (_named(rule, from_name, to_name),)
    matrix = np.eye(len(skeletons.load(from_name).joints))
    # from the left: the first rule sees the points first
    for step in chain:
        matrix = step.matrix @ matrix
    return matrix


def _named(name: str, from_name: str, to_name: str) -> Rule:
    known = RULES | ASKED
    if name not in known:
        raise UnknownName("conversion rule", name, known)
    rule = known[name]
    if (rule.source.name, rule.target.name) != (from_name, to_name):
        raise BadInput(
            f"rule {name} goes from {rule.source.name} to {rule.target.name}, not from"
            f" {from_name} to {to_name}"
        )
    return rule


def _apply(matrix: NDArray[np.float64], points: Array, name: str) -> Array:
    _count(points.shape[-2:-1], matrix, name)
    # a joint of one part is that part, as weights sum to one: nothing to add, nothing to round
    if (np.count_nonzero(matrix, axis=1) == 1).all():
        return points[..., matrix.argmax(axis=1), :]
    # not matrix @ points, where a NaN in one joint would reach all
    parts = [np.flatnonzero(row) for row in matrix]
    joints = [
        (points[..., used, :] * row[used, None]).sum(axis=-2)
        for row, used in zip(matrix, parts, strict=True)
    ]
    # the matrix is float64, and so are the sums
    return np.stack(joints, axis=-2).astype(points.dtype)


def _count(joints: tuple[int, ...], matrix: NDArray[np.float64], name: str) -> None:
    # () where the points have no axis of joints at all
    if joints != (matrix.shape[1],):
        raise BadInput(
            f"convert: {joints[0] if joints else 'no'} joints came; {matrix.shape[1]} were"
            f" due for skeleton {name}"
        )
